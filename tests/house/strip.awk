# Blanks comments and the insides of strings and characters, line by line, so that later checks see only code. Lines keep their numbers.
{
    out = ""; text = $0; count = length(text)
    for (i = 1; i <= count; i++) {
        c = substr(text, i, 1); two = substr(text, i, 2)
        if (in_comment) { if (two == "*/") { in_comment = 0; i++ } continue }
        if (quote != "") { if (c == "\\") { i++; continue } if (c == quote) { quote = ""; out = out c } continue }
        if (two == "/*") { in_comment = 1; i++; out = out " "; continue }
        if (two == "//") break
        if (c == "\"" || c == "'") { quote = c; out = out c; continue }
        out = out c
    }
    quote = ""
    print out
}

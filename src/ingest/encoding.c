/* Text encodings. One pass over the whole file counts what the bytes could be (a single é may stand
 * in the last line); the guess is made from these counts; iconv streams the file into a staged
 * UTF-8 copy where it is not UTF-8 already.
 *
 *   BOM?                                   → that
 *   zero bytes in every second place       → UTF-16 without BOM
 *   no invalid UTF-8                       → UTF-8, used in place
 *   more valid than invalid sequences      → UTF-8, damaged: its rows are quarantined later, none
 * is guessed at pairs as in Shift-JIS, kana and kanji  → Shift-JIS bytes that read well as Western
 * text   → ISO-8859-1, or windows-1252 where 0x80-0x9f occur
 *
 * A byte that can't be converted becomes 0xff, which is no UTF-8: so its row is quarantined like
 * any other. */
#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "ingest/parts_priv.h"

#define FAST_BYTES 64

/* ---- counting -----------------------------------------------------------------------------------
 */

static bool is_letter(unsigned char c)
{
    return (unsigned)((c | 32) - 'a') < 26;
}

static bool is_lower(unsigned char c)
{
    return (unsigned)(c - 'a') < 26;
}

/* Does the high byte c read well as windows-1252 between its neighbours? */
static bool latin_plausible(unsigned char before, unsigned char c, unsigned char after)
{
    bool letter = c >= 0xc0 && c != 0xd7 && c != 0xf7;
    if (letter && c <= 0xde) /* a capital: not after a small letter */
        return !is_lower(before) && (is_letter(after) || is_letter(before) || after >= 0xc0);
    if (letter && c >= 0xfd && before < 0x80) /* ý þ ÿ are rare */
        return is_letter(before) && is_letter(after);
    if (letter)
        return is_letter(before) || is_letter(after) || before >= 0xc0 || after >= 0xc0 ||
               c == 0xe0;
    return before < 0x80 && after < 0x80 && (before >= 0x20 || before == '\n' || before == '\t');
}

static void count_utf8(struct encoding_stats *s, unsigned char c)
{
    if (s->need > 0) {
        if (c >= s->low && c <= s->high_bound) {
            s->low = 0x80;
            s->high_bound = 0xbf;
            if (--s->need == 0)
                s->utf8_valid++;
            return;
        }
        s->need = 0;
        s->utf8_invalid++;
    }
    if (c < 0x80)
        return;
    s->low = 0x80;
    s->high_bound = 0xbf;
    if (c >= 0xc2 && c <= 0xdf) {
        s->need = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
        s->need = 2;
        s->low = c == 0xe0 ? 0xa0 : 0x80;
        s->high_bound = c == 0xed ? 0x9f : 0xbf;
    } else if (c >= 0xf0 && c <= 0xf4) {
        s->need = 3;
        s->low = c == 0xf0 ? 0x90 : 0x80;
        s->high_bound = c == 0xf4 ? 0x8f : 0xbf;
    } else {
        s->utf8_invalid++;
    }
}

static void count_sjis(struct encoding_stats *s, unsigned char c)
{
    if (s->sjis_lead != 0) {
        if ((c >= 0x40 && c <= 0x7e) || (c >= 0x80 && c <= 0xfc)) {
            s->sjis_pairs++;
            s->sjis_low_lead += s->sjis_lead <= 0x9f;
            s->sjis_high_trail += c >= 0x80;
        } else {
            s->sjis_bad++;
        }
        s->sjis_lead = 0;
    } else if ((c >= 0x81 && c <= 0x9f) || (c >= 0xe0 && c <= 0xfc)) {
        s->sjis_lead = c;
    } else if (c == 0x80 || c == 0xa0 || c >= 0xfd) {
        s->sjis_bad++;
    }
}

static void count_byte(struct encoding_stats *s, unsigned char c)
{
    if (s->previous >= 0x80)
        s->latin_plausible += latin_plausible(s->before, s->previous, c);
    count_utf8(s, c);
    count_sjis(s, c);
    if (c >= 0x80) {
        s->high++;
        s->c1 += c <= 0x9f;
        s->c1_undefined += c == 0x81 || c == 0x8d || c == 0x8f || c == 0x90 || c == 0x9d;
    }
    s->before = s->previous;
    s->previous = c;
}

static bool is_ascii(const char *bytes)
{
    uint64_t words[FAST_BYTES / 8], all = 0;
    memcpy(words, bytes, sizeof words);
    for (size_t i = 0; i < FAST_BYTES / 8; i++)
        all |= words[i];
    return (all & 0x8080808080808080ull) == 0;
}

static void count_zeros(struct encoding_stats *s, const char *bytes, size_t count)
{
    const char *end = bytes + count;
    for (const char *at = memchr(bytes, 0, count); at != NULL;
         at = memchr(at, 0, (size_t)(end - at))) {
        s->nul++;
        at++;
    }
}

static void count_line_ends(struct encoding_stats *s, const char *bytes, size_t count)
{
    s->cr = s->cr || memchr(bytes, '\r', count) != NULL;
    s->lf = s->lf || memchr(bytes, '\n', count) != NULL;
}

void encoding_scan(struct encoding_stats *stats, const char *bytes, size_t count)
{
    if (!stats->started) {
        stats->started = true;
        stats->before = stats->previous = '\n';
    }
    stats->bytes += (int64_t)count;
    count_line_ends(stats, bytes, count);
    count_zeros(stats, bytes, count);
    size_t i = 0;
    while (i < count) {
        bool idle = stats->need == 0 && stats->sjis_lead == 0 && stats->previous < 0x80;
        if (idle && count - i >= FAST_BYTES && is_ascii(bytes + i)) {
            i += FAST_BYTES;
            stats->before = (unsigned char)bytes[i - 2];
            stats->previous = (unsigned char)bytes[i - 1];
            continue;
        }
        size_t end = count - i < FAST_BYTES ? count : i + FAST_BYTES;
        for (; i < end; i++)
            count_byte(stats, (unsigned char)bytes[i]);
    }
}

void encoding_scan_end(struct encoding_stats *stats)
{
    if (!stats->started)
        return;
    count_byte(stats, '\n');
}

/* ---- guessing -----------------------------------------------------------------------------------
 */

static bool guess_bom(struct str head, struct encoding_guess *ret)
{
    static const struct {
        const char *bytes;
        size_t count;
        const char *name;
    } marks[] = {
        {"\xff\xfe\0\0", 4, "UTF-32LE"}, {"\0\0\xfe\xff", 4, "UTF-32BE"},
        {"\xff\xfe", 2, "UTF-16LE"},     {"\xfe\xff", 2, "UTF-16BE"},
        {"\xef\xbb\xbf", 3, "UTF-8"},
    };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (head.len >= marks[i].count && memcmp(head.ptr, marks[i].bytes, marks[i].count) == 0) {
            ret->name = marks[i].name;
            ret->bom_bytes = marks[i].count;
            return true;
        }
    }
    return false;
}

/* UTF-16 without BOM: zeros in one half only, every line feed a whole unit, and none in the half
 * where it would be no line feed. A text of bytes with a few zeros in it fails the last. */
static const char *guess_utf16(struct str head)
{
    size_t zeros[2] = {0, 0}, feeds[2] = {0, 0}, whole[2] = {0, 0};
    size_t even = head.len & ~(size_t)1;
    for (size_t i = 0; i < even; i++) {
        zeros[i & 1] += head.ptr[i] == 0;
        if (head.ptr[i] == '\n') {
            feeds[i & 1]++;
            whole[i & 1] += head.ptr[i ^ 1] == 0;
        }
    }
    size_t pairs = even / 2;
    for (size_t low = 0; low < 2; low++) { /* the half that holds the characters of ASCII */
        size_t high = 1 - low;
        bool some = zeros[high] >= 2 && zeros[high] * 50 >= pairs && zeros[low] * 20 <= zeros[high];
        bool lines = whole[low] > 0 ? feeds[high] * 10 <= whole[low]
                                    : feeds[high] == 0 && zeros[high] * 4 >= pairs;
        if (some && lines && feeds[low] == whole[low])
            return low == 0 ? "UTF-16LE" : "UTF-16BE";
    }
    return NULL;
}

void encoding_guess(const struct encoding_stats *stats, struct str head, struct encoding_guess *ret)
{
    *ret = (struct encoding_guess){.name = "UTF-8"};
    bool bom = guess_bom(head, ret);
    if (bom && strcmp(ret->name, "UTF-8") != 0)
        return;
    const char *utf16 = bom || stats->nul == 0 ? NULL : guess_utf16(head);
    if (utf16 != NULL) {
        ret->name = utf16;
        return;
    }
    if (stats->utf8_invalid == 0)
        return;
    ret->invalid = true;
    if (bom || stats->utf8_valid >= stats->utf8_invalid)
        return;
    bool sjis = stats->sjis_pairs >= 2 && stats->sjis_bad * 50 <= stats->sjis_pairs &&
                stats->sjis_low_lead * 2 >= stats->sjis_pairs &&
                stats->sjis_high_trail * 4 >= stats->sjis_pairs;
    bool western = stats->latin_plausible * 2 > stats->high || stats->utf8_invalid >= 64;
    if (!sjis && !western)
        return;
    ret->invalid = false;
    if (sjis)
        ret->name = "CP932";
    else
        ret->name = stats->c1 > 0 && stats->c1_undefined == 0 ? "CP1252" : "ISO-8859-1";
}

bool encoding_is_binary(struct str head)
{
    static const char *const magic[] = {"\x89PNG",
                                        "%PDF-",
                                        "\x7f"
                                        "ELF",
                                        "GIF8",
                                        "\xff\xd8\xff",
                                        "\xd0\xcf\x11\xe0",
                                        "PK\x03\x04",
                                        "\x1f\x8b",
                                        "SQLite format 3",
                                        "\x28\xb5\x2f\xfd",
                                        "\xfd"
                                        "7zXZ"};
    for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
        if (str_has_prefix(head, magic[i]))
            return true;
    if (archive_recognise(head) == ARCHIVE_TAR)
        return true;
    struct encoding_guess guess = {0};
    if (guess_bom(head, &guess) || guess_utf16(head) != NULL)
        return false;
    size_t controls = 0,
           zeros =
               0; /* zeros alone may be padding of fixed-width fields: a warning, not a refusal */
    for (size_t i = 0; i < head.len; i++) {
        unsigned char c = (unsigned char)head.ptr[i];
        zeros += c == 0;
        controls += c != 0 && c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' &&
                    c != 0x1f && c != 0x1e && c != 0x01;
    }
    return controls * 20 > head.len || zeros * 3 > head.len;
}

/* ---- converting ---------------------------------------------------------------------------------
 */

struct conversion {
    iconv_t handle;
    size_t skip;    /* BOM */
    char carry[16]; /* an incomplete sequence between blocks */
    size_t carried;
    int64_t bad;
    size_t unit; /* bytes to pass over at a bad sequence */
    bool (*emit)(struct conversion *self, const char *bytes, size_t count,
                 struct err *err); /* false: failed, err set */
    struct stage_writer *writer;
    struct buf *text;
    bool lf, cr, nul;
};

static bool emit_file(struct conversion *self, const char *bytes, size_t count, struct err *err)
{
    self->lf = self->lf || memchr(bytes, '\n', count) != NULL;
    self->cr = self->cr || memchr(bytes, '\r', count) != NULL;
    self->nul = self->nul || memchr(bytes, 0, count) != NULL;
    return stage_write(self->writer, bytes, count, err) == ERR_OK;
}

static bool emit_buf(struct conversion *self, const char *bytes, size_t count, struct err *err)
{
    buf_add(self->text, bytes, count);
    return buf_check(self->text, err) == ERR_OK;
}

/* Convert what can be; the bytes left over at the end (an incomplete sequence) are reported in
 * *left. */
static enum err_code convert_run(struct conversion *self, const char *bytes, size_t count,
                                 size_t *left, struct err *err)
{
    char *in = (char *)(uintptr_t)bytes;
    while (count > 0) {
        char out[8192];
        char *to = out;
        size_t room = sizeof out;
        size_t result = iconv(self->handle, &in, &count, &to, &room);
        int number = result == (size_t)-1 ? errno : 0;
        if (to > out && !self->emit(self, out, (size_t)(to - out), err))
            return err == NULL ? ERR_IO : err->code;
        if (number == 0 || number == E2BIG)
            continue;
        if (number == EINVAL)
            break;
        size_t pass = self->unit < count ? self->unit : count;
        in += pass;
        count -= pass;
        self->bad++;
        if (!self->emit(self, "\xff", 1, err))
            return err == NULL ? ERR_IO : err->code;
    }
    *left = count;
    return ERR_OK;
}

static enum err_code convert_block(void *user, const char *bytes, size_t count, struct err *err)
{
    struct conversion *self = user;
    size_t left = 0;
    if (self->skip > 0) {
        size_t pass = self->skip < count ? self->skip : count;
        bytes += pass;
        count -= pass;
        self->skip -= pass;
    }
    while (self->carried > 0 && count > 0) { /* complete the carried sequence byte by byte */
        self->carry[self->carried++] = *bytes++;
        count--;
        TRY(convert_run(self, self->carry, self->carried, &left, err));
        memmove(self->carry, self->carry + self->carried - left, left);
        self->carried = left;
        if (self->carried == sizeof self->carry) {
            self->carried = 0;
            self->bad++;
        }
    }
    if (count == 0)
        return ERR_OK;
    TRY(convert_run(self, bytes, count, &left, err));
    size_t keep = left < sizeof self->carry ? left : sizeof self->carry - 1;
    memcpy(self->carry, bytes + count - left, keep);
    self->carried = keep;
    return ERR_OK;
}

static size_t encoding_unit(const char *name)
{
    struct str s = str_of(name);
    return str_has_prefix(s, "UTF-16") || str_has_prefix(s, "UCS-2") ? 2
           : str_has_prefix(s, "UTF-32")                             ? 4
                                                                     : 1;
}

enum err_code encoding_head_text(struct str head, struct buf *ret, struct err *err)
{
    struct encoding_stats stats = {0};
    struct encoding_guess guess;
    encoding_scan(&stats, head.ptr, head.len);
    encoding_guess(&stats, head, &guess);
    if (strcmp(guess.name, "UTF-8") == 0) {
        buf_add(ret, head.ptr + guess.bom_bytes, head.len - guess.bom_bytes);
        return buf_check(ret, err);
    }
    struct conversion work = {.handle = iconv_open("UTF-8", guess.name),
                              .skip = guess.bom_bytes,
                              .unit = encoding_unit(guess.name),
                              .emit = emit_buf,
                              .text = ret};
    if (work.handle == (iconv_t)-1)
        return err_set(err, ERR_FAILED, "iconv does not know the encoding %s", guess.name);
    enum err_code code = convert_block(&work, head.ptr, head.len, err);
    (void)iconv_close(work.handle);
    return code;
}

static const char *encoding_label(const char *name)
{
    if (strcmp(name, "CP1252") == 0)
        return "windows-1252";
    if (strcmp(name, "CP932") == 0)
        return "shift-jis";
    if (strcmp(name, "ISO-8859-1") == 0)
        return "iso-8859-1";
    if (strcmp(name, "UTF-16LE") == 0)
        return "utf-16le";
    if (strcmp(name, "UTF-16BE") == 0)
        return "utf-16be";
    return name;
}

static enum err_code check_bad(const struct conversion *work, const struct ingest_file *file,
                               const char *name, json_t **notes, struct err *err)
{
    if (work->bad == 0)
        return ERR_OK;
    if (work->bad > 100 && work->bad * 100 > file->bytes) {
        (void)err_set(err, ERR_INPUT, "%s is not in the encoding %s: %lld sequences do not fit",
                      file->base_name, encoding_label(name), (long long)work->bad);
        (void)err_hint(
            err,
            "name the right one with the encoding option, e.g. utf-8, windows-1252, shift_jis");
        return err_at(err, file->origin, 0, 0);
    }
    ingest_note(notes, "invalid_sequences",
                "%lld sequences are invalid in %s: their rows are quarantined",
                (long long)work->bad, encoding_label(name));
    return ERR_OK;
}

static enum err_code convert_file(struct ingest_set *set, const struct ingest_file *file,
                                  const struct encoding_guess *guess, json_t **notes,
                                  struct text_file *ret, bool *ret_mac, struct err *err)
{
    struct stage_writer writer = STAGE_WRITER_INIT;
    struct conversion work = {.handle = iconv_open("UTF-8", guess->name),
                              .skip = guess->bom_bytes,
                              .unit = encoding_unit(guess->name),
                              .emit = emit_file,
                              .writer = &writer};
    if (work.handle == (iconv_t)-1) {
        (void)err_set(err, ERR_USAGE, "unknown encoding \"%s\"", guess->name);
        return err_hint(
            err, "use a name that iconv knows (iconv -l), e.g. utf-8, windows-1252, shift_jis");
    }
    enum err_code code = stage_open(set, "-utf8.txt", &writer, err);
    if (code == ERR_OK)
        code = stage_read(file->path, file->origin, "convert", set->options.progress, convert_block,
                          &work, err);
    if (code == ERR_OK && work.carried > 0) {
        work.bad++;
        code = stage_write(&writer, "\xff", 1, err);
    }
    if (code == ERR_OK)
        code = stage_finish(&writer, err);
    stage_abandon(&writer);
    (void)iconv_close(work.handle);
    TRY(code);
    TRY(check_bad(&work, file, guess->name, notes, err));
    *ret = (struct text_file){
        .path = writer.path, .bytes = writer.bytes, .odd = work.bad > 0 || work.nul};
    *ret_mac = work.cr && !work.lf;
    ingest_note(notes, "encoding_converted", "%s → utf-8", encoding_label(guess->name));
    return ERR_OK;
}

/* ---- plain copies: BOM stripped, CR → LF --------------------------------------------------------
 */

struct copying {
    struct stage_writer writer;
    size_t skip;
    bool mac;
};

static enum err_code copy_block(void *user, const char *bytes, size_t count, struct err *err)
{
    struct copying *work = user;
    size_t pass = work->skip < count ? work->skip : count;
    work->skip -= pass;
    bytes += pass;
    count -= pass;
    while (work->mac && count > 0) {
        const char *cr = memchr(bytes, '\r', count);
        size_t run = cr == NULL ? count : (size_t)(cr - bytes);
        TRY(stage_write(&work->writer, bytes, run, err));
        if (cr == NULL)
            return ERR_OK;
        TRY(stage_write(&work->writer, "\n", 1, err));
        bytes += run + 1;
        count -= run + 1;
    }
    return stage_write(&work->writer, bytes, count, err);
}

static enum err_code copy_text(struct ingest_set *set, const struct ingest_file *file,
                               struct text_file *text, bool mac, struct err *err)
{
    struct copying work = {.writer = STAGE_WRITER_INIT, .skip = text->bom_bytes, .mac = mac};
    TRY(stage_open(set, "-text.txt", &work.writer, err));
    enum err_code code = stage_read(text->path, file->origin, "convert", set->options.progress,
                                    copy_block, &work, err);
    if (code == ERR_OK)
        code = stage_finish(&work.writer, err);
    stage_abandon(&work.writer);
    *text =
        (struct text_file){.path = work.writer.path, .bytes = work.writer.bytes, .odd = text->odd};
    return code;
}

static enum err_code scan_block(void *user, const char *bytes, size_t count, struct err *err)
{
    (void)err;
    encoding_scan(user, bytes, count);
    return ERR_OK;
}

static void note_findings(const struct encoding_stats *stats, const struct encoding_guess *guess,
                          json_t **notes)
{
    bool utf8 = strcmp(guess->name, "UTF-8") == 0;
    if (utf8 && guess->invalid)
        ingest_note(notes, "invalid_utf8",
                    "%lld invalid UTF-8 sequences: their rows are quarantined",
                    (long long)stats->utf8_invalid);
    if (utf8 && guess->bom_bytes > 0)
        ingest_note(notes, "byte_order_mark",
                    "a UTF-8 byte order mark at the start is no part of the first name");
    if (stats->nul > 0 && encoding_unit(guess->name) == 1)
        ingest_note(notes, "nul_bytes", "%lld zero bytes in the text", (long long)stats->nul);
}

enum err_code encoding_prepare(struct ingest_set *set, const struct ingest_file *file,
                               bool strip_bom, json_t **notes, struct text_file *ret,
                               struct err *err)
{
    struct encoding_stats stats = {0};
    struct encoding_guess guess;
    TRY(stage_read(file->path, file->origin, "scan", set->options.progress, scan_block, &stats,
                   err));
    encoding_scan_end(&stats);
    encoding_guess(&stats, file->head, &guess);
    const char *asked = set->options.encoding;
    if (asked != NULL) {
        struct encoding_guess mark = {.name = ""};
        bool utf8 = str_equal_nocase(str_of(asked), STR("utf-8")) ||
                    str_equal_nocase(str_of(asked), STR("utf8"));
        (void)guess_bom(file->head, &mark);
        guess.name = utf8 ? "UTF-8" : asked;
        guess.bom_bytes = mark.bom_bytes;
        guess.invalid = utf8 && stats.utf8_invalid > 0;
    }
    note_findings(&stats, &guess, notes);
    bool mac = stats.cr && !stats.lf;
    *ret = (struct text_file){.path = file->path,
                              .bytes = file->bytes,
                              .bom_bytes = guess.bom_bytes,
                              .odd = stats.nul > 0 || guess.invalid};
    if (strcmp(guess.name, "UTF-8") != 0)
        TRY(convert_file(set, file, &guess, notes, ret, &mac, err));
    if (mac)
        ingest_note(notes, "line_ends", "CR line ends (old Macintosh) → LF");
    if (mac || (strip_bom && ret->bom_bytes > 0))
        TRY(copy_text(set, file, ret, mac, err));
    return ERR_OK;
}

const char *encoding_name_text(struct arena *arena, const char *bytes)
{
    struct str name = str_of(bytes);
    if (str_utf8_valid_prefix(name) == name.len)
        return arena_strdup(arena, bytes);
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct conversion work = {
        .handle = iconv_open("UTF-8", "CP437"), .unit = 1, .emit = emit_buf, .text = &text};
    if (work.handle == (iconv_t)-1)
        return NULL;
    size_t left = 0;
    struct err ignored;
    enum err_code code = convert_run(&work, name.ptr, name.len, &left, &ignored);
    (void)iconv_close(work.handle);
    return code == ERR_OK ? arena_strdup(arena, buf_text(&text)) : NULL;
}

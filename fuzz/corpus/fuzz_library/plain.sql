SELECT :a, ':a', "b" -- :b_1
 FROM t;
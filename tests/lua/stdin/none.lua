-- With nothing piped in there is no text, and asking twice says the same.
assert(stdin == nil)
assert(stdin == nil)
assert(_G.stdin == nil)

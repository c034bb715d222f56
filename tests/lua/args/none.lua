-- Without words and --args there are none, and args is a table all the same.
assert(type(args) == "table")
assert(next(args) == nil and #args == 0)
assert(args.name == nil)

-- Lines for people: they go to stderr and are no part of what the script prints or returns.
assert(log.info("one", 2, nil, true) == nil)
assert(log.warn("careful") == nil)
assert(log.error({}) == nil)
log.info()

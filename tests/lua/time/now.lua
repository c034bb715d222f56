local before = time.now()
assert(type(before) == "number" and before > 1.7e9 and before < 1e11)
time.sleep(0.01)
assert(time.now() >= before)

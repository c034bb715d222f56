local before = time.now()
time.sleep(0.05)
assert(time.now() - before >= 0.045)
time.sleep(0)
for _, wrong in { -1, 0 / 0, 1e9, "1" } do
  local ok, err = pcall(time.sleep, wrong)
  assert(not ok and err.code == "invalid_arguments", tostring(wrong))
end
assert(not pcall(time.sleep))

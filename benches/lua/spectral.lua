-- Arrays and function calls: the spectral norm, after the Computer Language Benchmarks Game.
local function a(i, j)
  local ij = i + j - 1
  return 1.0 / (ij * (ij - 1) * 0.5 + i)
end

local function times(x, y, n)
  for i = 1, n do
    local sum = 0
    for j = 1, n do sum = sum + x[j] * a(i, j) end
    y[i] = sum
  end
end

local function transposed(x, y, n)
  for i = 1, n do
    local sum = 0
    for j = 1, n do sum = sum + x[j] * a(j, i) end
    y[i] = sum
  end
end

local n = 300
local u, v, t = {}, {}, {}
for i = 1, n do u[i] = 1 end
for _ = 1, 10 do
  times(u, t, n)
  transposed(t, v, n)
  times(v, t, n)
  transposed(t, u, n)
end
local up, down = 0, 0
for i = 1, n do
  up, down = up + u[i] * v[i], down + v[i] * v[i]
end
print(string.format("%.9f", math.sqrt(up / down)))

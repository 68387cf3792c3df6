-- For wrk: chat completions with caching on, N distinct bodies, each about SIZE bytes long. dev.refrain.jmh.http.Bodies
-- makes the same bodies. From the environment: N (1000), SIZE (1024), STREAM (0), ZIPF (0: in turn, 1: by Zipf's law,
-- exponent 0.99), VARY=1 for a different head in each request.
local count, size = tonumber(os.getenv("N") or 1000), tonumber(os.getenv("SIZE") or 1024)
local stream, zipf, vary = os.getenv("STREAM") == "1", os.getenv("ZIPF") == "1", os.getenv("VARY") == "1"
local vocabulary = {}
for word in ("latency cache provider answer tokens prompt model please explain why the of and how"):gmatch("%S+") do
  vocabulary[#vocabulary + 1] = word
end
local requests, order, step, draws = {}, {}, 0, 262144

local function body(number)
  local words, length, state = {}, 0, number
  while length < size - 160 do
    state = (state * 16807) % 2147483647
    local word = vocabulary[state % #vocabulary + 1] .. " "
    words[#words + 1] = word
    length = length + #word
  end
  return ('{"model":"acme/bench","messages":[{"role":"user","content":"%d %s"}],"temperature":0.2%s}'):format(
    number, table.concat(words), stream and ',"stream":true' or "")
end

local function draw()
  local cumulated, sum = {}, 0
  for rank = 1, count do
    sum = sum + rank ^ -0.99
    cumulated[rank] = sum
  end
  math.randomseed(1)
  for i = 1, draws do
    local wanted, low, high = math.random() * sum, 1, count
    while low < high do
      local middle = math.floor((low + high) / 2)
      if cumulated[middle] < wanted then low = middle + 1 else high = middle end
    end
    order[i] = low
  end
end

function init()
  local headers = {
    ["Content-Type"] = "application/json", ["Authorization"] = "Bearer sk-bench",
    ["X-OpenRouter-Cache"] = "true", ["X-OpenRouter-Cache-TTL"] = "86400",
  }
  for number = 1, count do
    requests[number] = wrk.format("POST", "/v1/chat/completions", headers, body(number))
  end
  if zipf then draw() end
end

function request()
  step = step + 1
  local request = requests[zipf and order[step % draws + 1] or step % count + 1]
  return vary and (request:gsub("\r\n", "\r\nX-Request-Id: " .. step .. "\r\n", 1)) or request
end

function done(summary, latency)
  local errors = summary.errors
  io.write(("RESULT rps=%.0f p50us=%.0f p99us=%.0f p999us=%.0f maxus=%.0f errors=%d\n"):format(
    summary.requests / summary.duration * 1e6, latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    latency.max, errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end

-- For wrk: chat completions with caching on, N distinct bodies in turn, each about SIZE bytes long.
-- From the environment: N (1000), SIZE (1024), STREAM (0).
local count, size = tonumber(os.getenv("N") or 1000), tonumber(os.getenv("SIZE") or 1024)
local stream = os.getenv("STREAM") == "1"
local vocabulary = {}
for word in ("latency cache provider answer tokens prompt model please explain why the of and how"):gmatch("%S+") do
  vocabulary[#vocabulary + 1] = word
end
local requests, next_request = {}, 0

local function body(number)
  math.randomseed(number)
  local words, length = {}, 0
  while length < size - 160 do
    local word = vocabulary[math.random(#vocabulary)]
    words[#words + 1] = word
    length = length + #word + 1
  end
  return ('{"model":"acme/bench","messages":[{"role":"user","content":"%d %s"}],"temperature":0.2%s}'):format(
    number, table.concat(words, " "), stream and ',"stream":true' or "")
end

function init()
  local headers = {
    ["Content-Type"] = "application/json", ["Authorization"] = "Bearer sk-bench",
    ["X-OpenRouter-Cache"] = "true", ["X-OpenRouter-Cache-TTL"] = "86400",
  }
  for number = 1, count do
    requests[number] = wrk.format("POST", "/v1/chat/completions", headers, body(number))
  end
end

function request()
  next_request = next_request % count + 1
  return requests[next_request]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(("RESULT rps=%.0f p50us=%.0f p99us=%.0f p999us=%.0f maxus=%.0f errors=%d\n"):format(
    summary.requests / summary.duration * 1e6, latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    latency.max, errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end

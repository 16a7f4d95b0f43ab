-- wrk: POST the photographs of BOOTH_PHOTOS (a file with one path a line) in turn; at the end one
-- line of JSON with what was measured, latencies in milliseconds.
local bodies, turn = {}, 0

function init(_)
  for path in io.lines(os.getenv("BOOTH_PHOTOS")) do
    local file = assert(io.open(path, "rb"))
    bodies[#bodies + 1] = file:read("*a")
    file:close()
  end
end

function request()
  turn = turn % #bodies + 1
  return wrk.format("POST", "/classify", {["Content-Type"] = "image/jpeg"}, bodies[turn])
end

function done(summary, latency, _)
  local failed = 0
  for _, count in pairs(summary.errors) do failed = failed + count end
  io.write(string.format(
    '{"requests": %d, "seconds": %.3f, "failed": %d, "p50": %.2f, "p95": %.2f, "p99": %.2f, "max": %.2f}\n',
    summary.requests, summary.duration / 1e6, failed, latency:percentile(50) / 1e3,
    latency:percentile(95) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end

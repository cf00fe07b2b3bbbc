-- wrk -s ceiling.lua URL -- FILE [NAME=VALUE ...]: posts the lines of FILE in turn.
local prepared, following = {}, 0

function init(arguments)
    for i = 2, #arguments do
        local name, value = arguments[i]:match("^([^=]+)=(.*)$")
        wrk.headers[name] = value
    end
    wrk.headers["Content-Type"] = "application/json"
    for line in io.lines(arguments[1]) do
        prepared[#prepared + 1] = wrk.format("POST", nil, nil, line)
    end
end

function request()
    following = following % #prepared + 1
    return prepared[following]
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        "RESULT %d %d %.3f %.3f %d %d\n",
        summary.requests, summary.duration,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout
    ))
end

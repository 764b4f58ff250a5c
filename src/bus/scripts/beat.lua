-- One heartbeat: renews the lease on a dock and writes its record, with when worker and daemon were last seen.
-- KEYS: lease, docks, workers, load, promises of the dock, events
-- ARGV: token, dock, lease ms, facts (JSON object without lists),
--       standing and set labels (JSON object) to assume if the record is gone; events kept
-- Returns {1, now ms, standing, 1 if the lease or the record was missing, set labels}
--      or {0, now ms, token of the holder, ms left, ''}
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {0, now, holder, redis.call('PTTL', KEYS[1]), ''} end
-- a write first that is allowed even when Redis is out of memory; those that follow in one script are allowed then, too
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])

local record = redis.call('HGET', KEYS[2], ARGV[2])
local known = record and cjson.decode(record) or {standing = ARGV[5]}
local standing = known.standing
if known.told or known.stopped then
  local told = {event = 'dock-back', dock = ARGV[2], was = known.stopped and 'stopped' or 'lost'}
  redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[7], '*', 'json', cjson.encode(told))
end
local labels = not record and ARGV[6] or known.setLabels and cjson.encode(known.setLabels) or '{}'
local facts = string.sub(ARGV[4], 1, -2)
local seen = ',"lastSeen":' .. string.format('%.0f', now)
local daemon_seen = cjson.decode(ARGV[4]).daemon == 'up' and now or known.daemonSeen
if daemon_seen then seen = seen .. ',"daemonSeen":' .. string.format('%.0f', daemon_seen) end
redis.call('HSET', KEYS[2], ARGV[2],
  facts .. ',"setLabels":' .. labels .. ',"standing":"' .. standing .. '"' .. seen .. '}')
if standing ~= 'unregistered' then redis.call('SADD', KEYS[3], ARGV[2]) end

for _, request in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', now)) do
  redis.call('ZREM', KEYS[5], request)
  redis.call('ZINCRBY', KEYS[4], -1, ARGV[2])
end
return {1, now, standing, (holder and record) and 0 or 1, labels}

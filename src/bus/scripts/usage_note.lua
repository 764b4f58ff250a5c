-- Counts an instance that is not counted, or is to be looked at again, if the records say that it is the user's.
-- KEYS: usage of the user, instances of the dock
-- ARGV: user, id, memory, nano cpus, pids
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local record = redis.call('HGET', KEYS[2], ARGV[2])
if not record or cjson.decode(record).owner ~= ARGV[1] then return 0 end
local entry = redis.call('HGET', KEYS[1], ARGV[2])
local time, pids = string.match(entry or '', '^%d+ %d+ ?(%d*) ?(%d*)$')
time = tonumber(time or '') or 0
-- An older version has counted no pids.
if entry and pids ~= '' and (time == 0 or time >= now) then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3] .. ' ' .. ARGV[4] .. ' 0 ' .. ARGV[5])
return 1

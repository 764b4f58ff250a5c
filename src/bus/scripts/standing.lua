-- Sets whether a dock takes part.
-- KEYS: docks, workers
-- ARGV: dock, what: 'registered' (a new host is added, an unregistered one comes back, a drained one stays so)
--       or the standing itself
-- Returns 1, or 0 for a dock that nobody knows
local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record and ARGV[2] ~= 'registered' then return 0 end
record = record and cjson.decode(record) or {standing = 'active'}
if ARGV[2] ~= 'registered' then
  record.standing = ARGV[2]
elseif record.standing == 'unregistered' then
  record.standing = 'active'
end
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(record))
redis.call(record.standing == 'unregistered' and 'SREM' or 'SADD', KEYS[2], ARGV[1])
return 1

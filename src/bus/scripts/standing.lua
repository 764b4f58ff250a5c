-- Changes what a dock is used for.
-- KEYS: docks, workers
-- ARGV: dock, what: 'registered' (a new host is added, an unregistered one comes back, a drained one stays so),
--       'labels', or a standing; labels to set (JSON object; an empty value removes one)
-- Returns 1, 0 for a dock that nobody knows, -1 for an unregistered one, which is not changed
local record = redis.call('HGET', KEYS[1], ARGV[1])
local what = ARGV[2]
if not record and what ~= 'registered' then return 0 end
record = record and cjson.decode(record) or {standing = 'active'}
if record.standing == 'unregistered' and what ~= 'registered' and what ~= 'unregistered' then return -1 end
if what == 'registered' then
  if record.standing == 'unregistered' then record.standing = 'active' end
elseif what == 'labels' then
  record.setLabels = record.setLabels or {}
  for name, value in pairs(cjson.decode(ARGV[3])) do record.setLabels[name] = value end
else
  record.standing = what
end
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(record))
redis.call(record.standing == 'unregistered' and 'SREM' or 'SADD', KEYS[2], ARGV[1])
return 1

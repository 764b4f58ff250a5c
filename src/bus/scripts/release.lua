-- Gives up the lease of a worker that stops in good order, and marks its dock stopped.
-- KEYS: lease, docks, events
-- ARGV: token, dock, events kept
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
local record = redis.call('HGET', KEYS[2], ARGV[2])
if record then
  redis.call('HSET', KEYS[2], ARGV[2], string.sub(record, 1, -2) .. ',"stopped":true}')
  local told = cjson.encode({event = 'dock-stopped', dock = ARGV[2]})
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'json', told)
end
return 1

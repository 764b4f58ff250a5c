-- Gives back what a stopping worker has been delivered and not begun, then forgets the worker's consumer.
-- The entries keep their order and any worker may take them at once.
-- KEYS: stream
-- ARGV: group, consumer, whom to give it to
-- Returns how many were given back
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000, ARGV[2])
if pending.err then return 0 end
for _, entry in ipairs(pending) do
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, entry[1], 'IDLE', 86400000, 'JUSTID')
end
if #pending < 1000 then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end
return #pending

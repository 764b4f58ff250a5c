-- Gives back what a stopping worker has been delivered and not begun: one entry; or all, and forgets its consumer then.
-- The entries keep their order and any worker may take them at once.
-- KEYS: stream
-- ARGV: group, consumer, whom to give it to, entry or '' for all
-- Returns how many were given back
local from, to = ARGV[4], ARGV[4]
if ARGV[4] == '' then from, to = '-', '+' end
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], from, to, 1000, ARGV[2])
if pending.err then return 0 end
for _, entry in ipairs(pending) do
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, entry[1], 'IDLE', 86400000, 'JUSTID')
end
if ARGV[4] == '' and #pending < 1000 then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end
return #pending

-- Answers an entry that is no request, so that nothing of it was begun.
-- KEYS: stream, reply, dead
-- ARGV: group, consumer, entry, reply, kept ms, reason, dead letters kept
-- Returns 1 when this call answered it, 0 when it was another's
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
-- the group is gone after a FLUSHALL: then nobody else can have the entry
if not pending.err and (not pending[1] or pending[1][2] ~= ARGV[2]) then return 0 end
local reply_type = redis.call('TYPE', KEYS[2]).ok
if ARGV[4] ~= '' and (reply_type == 'none' or reply_type == 'list') then
  redis.call('RPUSH', KEYS[2], ARGV[4])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
else
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[7], '*', 'entry', ARGV[3], 'stream', KEYS[1], 'reason', ARGV[6])
end
redis.pcall('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
return 1

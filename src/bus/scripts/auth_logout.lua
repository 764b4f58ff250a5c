-- Ends a session and answers in one step, if there is still time for that.
-- KEYS: stream, reply, session
-- ARGV: group, entry, deadline ms, answer that it is late, kept ms, answer, answer where there is no such session
-- Returns done, late, or lost where it was another's to answer
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
-- the group is gone after a FLUSHALL: then nobody else can have the entry
if not pending.err then
  if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 'lost' end
end
redis.call('XDEL', KEYS[1], ARGV[2])
local late = now >= tonumber(ARGV[3])
local answer = ARGV[4]
if not late then
  answer = redis.call('DEL', KEYS[3]) == 1 and ARGV[6] or ARGV[7]
end
if type(redis.pcall('RPUSH', KEYS[2], answer)) == 'number' then redis.call('PEXPIRE', KEYS[2], ARGV[5]) end
return late and 'late' or 'done'

-- Makes a session and answers with it in one step, if there is still time for that. The attempt no longer counts as a
-- failed one.
-- KEYS: stream, reply, session, throttle of the account, throttle of the address where one is known
-- ARGV: group, entry, deadline ms, answer that it is late, kept ms, answer, user, generation, idle ms, absolute ms
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
if type(redis.pcall('RPUSH', KEYS[2], late and ARGV[4] or ARGV[6])) == 'number' then
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end

redis.call('DEL', KEYS[4])
if KEYS[5] and redis.call('EXISTS', KEYS[5]) == 1 then
  redis.call('HINCRBY', KEYS[5], 'attempts', -1)
  redis.call('HDEL', KEYS[5], 'until') -- set by this attempt: no other is let through meanwhile
end
if late then return 'late' end

local absolute = tonumber(ARGV[10])
redis.call('HSET', KEYS[3], 'user', ARGV[7], 'generation', ARGV[8], 'until', now + absolute)
redis.call('PEXPIRE', KEYS[3], math.min(tonumber(ARGV[9]), absolute))
return 'done'

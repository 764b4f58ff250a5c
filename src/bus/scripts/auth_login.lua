-- Makes a session and answers with it in one step, if there is still time for that. The attempt no longer counts as a
-- failed one.
-- KEYS: those of auth_take, session, throttle of the account, throttle of the address where one is known
-- ARGV: those of auth_take, user, generation, idle ms, absolute ms
-- Returns done, late, or lost where it was another's to answer
reply(ARGV[6])

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

-- Makes a session and answers with it in one step, if there is still time for that. The attempt no longer counts as a
-- failed one, and the place counts as known.
-- KEYS: those of auth_take, session, sessions of the user, throttle of account and place, throttle of the account, known
-- places of the account, throttle of the address where one is known
-- ARGV: those of auth_take, user, generation, idle ms, absolute ms, digest, what keys of sessions begin with, sessions of a
-- user, origin, address, agent, place, 1 where it was known before, places kept, kept ms
-- Returns done, late, or lost where it was another's to answer
reply(ARGV[6])

local function forgive(key)
  if redis.call('EXISTS', key) == 1 then
    redis.call('HINCRBY', key, 'attempts', -1)
    redis.call('HDEL', key, 'until') -- set by this attempt: no other is let through meanwhile
  end
end
redis.call('DEL', KEYS[5])
if ARGV[18] ~= '1' then forgive(KEYS[6]) end
if KEYS[8] then forgive(KEYS[8]) end
redis.call('ZADD', KEYS[7], now, ARGV[17])
redis.call('ZREMRANGEBYRANK', KEYS[7], 0, -tonumber(ARGV[19]) - 1)
redis.call('PEXPIRE', KEYS[7], ARGV[20])
if late then return 'late' end

make_session(KEYS[3], KEYS[4], now, {user = ARGV[7], generation = ARGV[8], idle = ARGV[9], absolute = ARGV[10],
  digest = ARGV[11], prefix = ARGV[12], most = ARGV[13], origin = ARGV[14], address = ARGV[15], agent = ARGV[16]})
return 'done'

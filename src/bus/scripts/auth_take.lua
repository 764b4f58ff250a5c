-- What each answer of the auth manager begins with; it stands before auth_answer, auth_login and auth_logout.
-- Whoever acknowledges the message answers it, and takes it, with what is secret in it, out of Redis.
-- KEYS: stream, reply, and those of the script
-- ARGV: group, entry, deadline ms, answer that it is late, kept ms, answer, and those of the script
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
-- the group is gone after a FLUSHALL: then nobody else can have the entry
if not pending.err then
  if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 'lost' end
end
redis.call('XDEL', KEYS[1], ARGV[2])
local late = now >= tonumber(ARGV[3])

-- no answer where its key holds something else
local function reply(answer)
  if type(redis.pcall('RPUSH', KEYS[2], late and ARGV[4] or answer)) == 'number' then
    redis.call('PEXPIRE', KEYS[2], ARGV[5])
  end
end

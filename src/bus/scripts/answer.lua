-- Answers an entry of which nothing was begun: one that is no request, or that only looked at something.
-- KEYS: stream, request, reply, dead
-- ARGV: group, consumer, entry, reply or '' for the dead, kept ms, reason, dead letters kept,
--       1 where the caller chose the id and so may send it again
-- Returns 1 when this call answered it, 0 when it was another's
local group, entry = ARGV[1], ARGV[3]
local pending = redis.pcall('XPENDING', KEYS[1], group, entry, entry, 1)
-- the group is gone after a FLUSHALL: then nobody else can have the entry
if not pending.err and (not pending[1] or pending[1][2] ~= ARGV[2]) then return 0 end

local function is(key, type)
  local found = redis.call('TYPE', key).ok
  return found == 'none' or found == type
end

if ARGV[4] == '' or not is(KEYS[3], 'list') or not is(KEYS[2], 'hash') then
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[7], '*', 'entry', entry, 'stream', KEYS[1], 'reason', ARGV[6])
else
  local reply = ARGV[4]
  if ARGV[8] == '1' then
    local seen = redis.call('HMGET', KEYS[2], 'entry', 'state', 'reply')
    if not seen[1] or seen[1] == entry then
      redis.call('HSET', KEYS[2], 'entry', entry, 'state', 'done', 'by', ARGV[2], 'reply', reply)
      redis.call('PEXPIRE', KEYS[2], ARGV[5])
    elseif seen[2] == 'done' then
      reply = seen[3] -- the same id again gets the first reply again
    else
      redis.call('HINCRBY', KEYS[2], 'waiting', 1)
      reply = nil
    end
  end
  if reply then
    redis.call('RPUSH', KEYS[3], reply)
    redis.call('PEXPIRE', KEYS[3], ARGV[5])
  end
end
redis.pcall('XACK', KEYS[1], group, entry)
redis.call('XDEL', KEYS[1], entry)
return 1

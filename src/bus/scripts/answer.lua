-- Answers an entry of which nothing was begun: one that is no request, or that only looked at something.
-- Whoever acknowledges the entry answers it; that another worker may have looked as well does no harm.
-- KEYS: stream, request, reply, dead, and those of audit
-- ARGV: group, entry, reply or '' for the dead, kept ms, reason, dead letters kept,
--       1 where the caller chose the id and so may send it again, 1 where nobody has been given the entry, and
--       those of audit
-- Returns {1 when this call answered it, 0 when it was another's; number and link of the record in the audit, '' where it
-- needs none or was counted only, '-' where it could not be recorded}
local stream, request, entry, reply = KEYS[1], KEYS[2], ARGV[2], ARGV[3]
if ARGV[8] == '1' then
  local pending = redis.pcall('XPENDING', stream, ARGV[1], entry, entry, 1)
  if not pending.err and pending[1] or redis.call('XDEL', stream, entry) == 0 then return {0, ''} end
else
  if redis.call('XACK', stream, ARGV[1], entry) == 0 then
    -- the group is gone after a FLUSHALL: then nobody else can have the entry
    local pending = redis.pcall('XPENDING', stream, ARGV[1])
    if not pending.err then return {0, ''} end
  end
  redis.call('XDEL', stream, entry)
end

local function push()
  local times = 1
  -- another worker may have taken it over meanwhile, and begun it: it must not answer as well
  if ARGV[7] == '1' or redis.call('EXISTS', request) == 1 then
    local seen = redis.pcall('HMGET', request, 'entry', 'state', 'reply', 'waiting')
    if seen.err then return seen end
    local place = entry .. ' ' .. stream
    if not seen[1] or seen[1] == place then
      redis.call('HSET', request, 'entry', place, 'state', 'done', 'reply', reply)
      redis.call('PEXPIRE', request, ARGV[4])
      times = 1 + tonumber(seen[4] or 0) -- it was sent again while it was on its way to another dock
    elseif seen[2] == 'done' then
      reply = seen[3] -- the same id again gets the first reply again
    else
      return redis.call('HINCRBY', request, 'waiting', 1)
    end
  end
  local pushed
  for _ = 1, times do pushed = redis.pcall('RPUSH', KEYS[3], reply) end
  if type(pushed) == 'number' then redis.call('PEXPIRE', KEYS[3], ARGV[4]) end
  return pushed
end

local pushed = reply ~= '' and push()
if not pushed or type(pushed) == 'table' then
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[6], '*', 'entry', entry, 'stream', stream, 'reason', ARGV[5])
end
return {1, audit(5, 9, '') or '-'}

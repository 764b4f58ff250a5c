-- Takes a delivered entry in hand, once. Decides on Redis's clock whether it may still run.
-- KEYS: stream, request, reply, dead
-- ARGV: group, consumer, entry, request id, action, deadline ms, kept ms, attempts allowed, dead letters kept
-- Returns {verdict, now ms, attempt}: go, expired, poison, repeated, taken (by another worker), unanswerable
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local group, consumer, entry, deadline = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[6])

local function drop()
  redis.pcall('XACK', KEYS[1], group, entry)
  redis.call('XDEL', KEYS[1], entry)
end

local reply_type = redis.call('TYPE', KEYS[3]).ok
local request_type = redis.call('TYPE', KEYS[2]).ok
if (reply_type ~= 'none' and reply_type ~= 'list') or (request_type ~= 'none' and request_type ~= 'hash') then
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[9], '*', 'entry', entry, 'stream', KEYS[1], 'requestId', ARGV[4],
    'reason', 'its reply key or its request key holds something else')
  drop()
  return {'unanswerable', now, 0}
end

local seen = redis.call('HMGET', KEYS[2], 'entry', 'state', 'reply')
-- the group is gone after a FLUSHALL: then nobody else can have the entry
local pending = redis.pcall('XPENDING', KEYS[1], group, entry, entry, 1)
local holder = not pending.err and pending[1] and pending[1][2]
if holder and holder ~= consumer then return {'taken', now, 0} end
if not holder and seen[1] then return {'taken', now, 0} end

if seen[1] and seen[1] ~= entry then
  -- the same id again: one effect, and the first reply for each
  if seen[2] == 'done' then
    if seen[3] then
      redis.call('RPUSH', KEYS[3], seen[3])
      redis.call('PEXPIRE', KEYS[3], ARGV[7])
    end
  else
    redis.call('HINCRBY', KEYS[2], 'waiting', 1)
  end
  drop()
  return {'repeated', now, 0}
end

redis.call('HSET', KEYS[2], 'entry', entry, 'state', 'taken', 'by', consumer, 'action', ARGV[5])
redis.call('PEXPIREAT', KEYS[2], math.max(deadline, now) + tonumber(ARGV[7]))
if now >= deadline then return {'expired', now, 0} end
local attempt = redis.call('HINCRBY', KEYS[2], 'attempts', 1)
if attempt > tonumber(ARGV[8]) then return {'poison', now, attempt} end
return {'go', now, attempt}

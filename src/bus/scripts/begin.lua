-- Takes a delivered entry in hand, once. Decides on Redis's clock whether it may still run. Asked again by the same
-- handling, it says whether the entry is still its own.
-- KEYS: stream, request, reply, dead, lease on the dock whose own stream it is
-- ARGV: group, consumer, entry, request id, action, deadline ms, kept ms, attempts allowed, dead letters kept,
--       number of the handling, who must have the lease: a token, 'nobody', or '' where it does not matter; lease ms,
--       who sent it ('' anyone, '?' somebody unknown), the id of a reply list of its own or '', prefix of reply lists,
--       key of what its user has stored or '', bytes and keys allowed there, what is said in place of a reply beyond that
-- Returns {verdict, now ms, attempt}: go, expired, poison, repeated, taken (by another worker), unanswerable,
--         foreign (its sender is unknown, or somebody else has used its id: it is to be refused, and was not begun);
--         with expired, attempt is how often it was begun before
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local group, consumer, entry, deadline = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[6])

local function drop()
  redis.pcall('XACK', KEYS[1], group, entry)
  redis.call('XDEL', KEYS[1], entry)
end

-- a write first that is allowed even when Redis is out of memory; those that follow in one script are allowed then, too
redis.pcall('XACK', KEYS[1], group, '0-0')

if ARGV[11] ~= '' then
  local lessee = redis.call('GET', KEYS[5])
  if lessee and lessee ~= ARGV[11] then return {'taken', now, 0} end
  if ARGV[11] == 'nobody' then
    -- in the place of a worker that is lost; it may never have read the entry
    if redis.call('XLEN', KEYS[1]) > 0 then
      redis.pcall('XCLAIM', KEYS[1], group, consumer, 0, entry, 'FORCE', 'JUSTID')
    end
  else
    -- kept while what is begun reaches the daemon, or a successor might begin the same meanwhile
    redis.call('SET', KEYS[5], ARGV[11], 'PX', ARGV[12])
  end
end

local reply_type = redis.call('TYPE', KEYS[3]).ok
local request_type = redis.call('TYPE', KEYS[2]).ok
if (reply_type ~= 'none' and reply_type ~= 'list') or (request_type ~= 'none' and request_type ~= 'hash') then
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[9], '*', 'entry', entry, 'stream', KEYS[1], 'requestId', ARGV[4],
    'reason', 'its reply key or its request key holds something else')
  drop()
  return {'unanswerable', now, 0}
end

-- two streams may give the same id
local place = entry .. ' ' .. KEYS[1]
local seen = redis.call('HMGET', KEYS[2], 'entry', 'state', 'reply', 'by', 'handling', 'attempts', 'asker')
-- the group is gone after a FLUSHALL: then nobody else can have the entry
local pending = redis.pcall('XPENDING', KEYS[1], group, entry, entry, 1)
local holder = not pending.err and pending[1] and pending[1][2]
local again = seen[1] == place and seen[2] == 'taken' and seen[4] == consumer and seen[5] == ARGV[10]
if holder and holder ~= consumer then return {'taken', now, 0} end
if not holder and seen[1] and not again then return {'taken', now, 0} end

-- A failover may keep the note that a request was begun, and lose the entry of it, or that to which it was passed on. Nobody
-- would end it then: an entry with the same id waits in its stead, and is begun when it is taken over. Whoever has begun it and
-- lives has ended it by then.
local adrift = false
if seen[1] and seen[1] ~= place and seen[2] ~= 'done' then
  local entry_of, stream_of = string.match(seen[1], '^(%S+) (.+)$')
  local there = redis.pcall('XRANGE', stream_of, entry_of, entry_of)
  adrift = not there.err and not there[1]
  if adrift and pending[1][4] < 2 then return {'taken', now, 0} end
end

local asker, private = ARGV[13], ARGV[14]
if seen[1] ~= place and (asker == '?' or (seen[1] and not is_same(asker, seen[7]))) then return {'foreign', now, 0} end

if seen[1] and seen[1] ~= place and not adrift then
  -- the same id again: one effect, and the first reply for each
  if seen[2] == 'done' then
    if seen[3] then
      local list = private ~= '' and ARGV[15] .. private or KEYS[3]
      put_reply(list, seen[3], 1, storing(ARGV[16], ARGV[17], ARGV[18], ARGV[19], ARGV[7]))
    end
  else
    wait_too(KEYS[2], private)
  end
  drop()
  return {'repeated', now, 0}
end

if seen[2] == 'done' then
  -- ended, and delivered again by a Redis that lost what came last
  drop()
  return {'repeated', now, 0}
end

if again and holder then redis.call('XCLAIM', KEYS[1], group, consumer, 0, entry, 'JUSTID') end
redis.call('HSET', KEYS[2], 'entry', place, 'state', 'taken', 'by', consumer, 'handling', ARGV[10], 'action', ARGV[5])
if not seen[7] and asker ~= '' and asker ~= '?' then redis.call('HSET', KEYS[2], 'asker', asker) end
redis.call('PEXPIREAT', KEYS[2], math.max(deadline, now) + tonumber(ARGV[7]))
local attempt = tonumber(seen[6] or 0)
if now >= deadline then return {'expired', now, attempt} end
if not again then attempt = redis.call('HINCRBY', KEYS[2], 'attempts', 1) end
if attempt > tonumber(ARGV[8]) then return {'poison', now, attempt} end
return {'go', now, attempt}

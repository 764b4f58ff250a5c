-- Answers an entry of which nothing was begun: one that is no request, that only looked at something, or that is refused
-- because of who sent it.
-- Whoever acknowledges the entry answers it; that another worker may have looked as well does no harm.
-- KEYS: stream, request, reply, dead, and those of audit
-- ARGV: group, entry, reply or '' for the dead, kept ms, reason, dead letters kept,
--       looked (the caller chose the id and so may send it again), once (nobody will), or refused;
--       1 where nobody has been given the entry,
--       who sent it ('' anyone, '?' somebody unknown), the id of a reply list of its own or '', prefix of reply lists,
--       key of what its user has stored or '', bytes and keys allowed there, what is said in place of a reply beyond that,
--       what is said where somebody else has used the id, and those of audit
-- Returns {1 when this call answered it, 0 when it was another's; number and link of the record in the audit, '' where it
-- needs none or was counted only, '-' where it could not be recorded}
local stream, request, entry, reply = KEYS[1], KEYS[2], ARGV[2], ARGV[3]
local mode, asker, private = ARGV[7], ARGV[9], ARGV[10]
local store = storing(ARGV[12], ARGV[13], ARGV[14], ARGV[15], ARGV[4])
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

local list = private ~= '' and ARGV[11] .. private or KEYS[3]

-- What the next one with the same id gets. What only looked may be done again.
local function remember(place, is_known)
  local fits = store.fits_record(request, #reply)
  if not fits and not is_known then return end
  redis.call('HSET', request, 'entry', place, 'state', 'done', 'reply', fits and reply or store.instead)
  if asker ~= '' and asker ~= '?' then redis.call('HSET', request, 'asker', asker) end
  redis.call('PEXPIRE', request, store.kept)
end

local function push()
  local seen = {false, false, false, false}
  -- another worker may have taken it over meanwhile, and begun it: it must not answer as well
  if mode == 'looked' or asker ~= '' or redis.call('EXISTS', request) == 1 then
    seen = redis.pcall('HMGET', request, 'entry', 'state', 'reply', 'asker')
    if seen.err then return seen end
  end
  local place = entry .. ' ' .. stream
  local is_known = seen[1] == place
  if seen[1] and not is_known and not is_same(asker, seen[4]) then
    local refusal = mode == 'refused' and reply or ARGV[16]
    if seen[2] ~= 'done' and private == '' then return refuse_later(request, refusal) end
    return put_refusal(list, refusal)
  end
  if asker == '?' and not seen[1] then return put_refusal(list, reply) end
  if seen[1] and not is_known then
    if seen[2] ~= 'done' then return wait_too(request, private) end
    reply = seen[3] -- the same id again gets the first reply again
    return reply and put_reply(list, reply, 1, store) or 0
  end
  if mode == 'looked' or is_known then remember(place, is_known) end
  return put_all(request, KEYS[3], ARGV[11], private, reply, store)
end

local pushed = reply ~= '' and push()
if not pushed or type(pushed) == 'table' then
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[6], '*', 'entry', entry, 'stream', stream, 'reason', ARGV[5])
end
local t = redis.call('TIME')
local took = t[1] * 1000 + math.floor(t[2] / 1000) - string.match(entry, '^%d+')
return {1, audit(5, 17, string.format('%.0f', math.max(0, took))) or '-'}

-- Ends a request that was begun: its one reply, its record and its entry in one step.
-- A worker from whom it was taken over changes nothing.
-- KEYS: stream, request, reply, load, dead, and those of audit
-- ARGV: group, consumer, entry, request id, reply or '' for none, kept ms, 1 to remember the reply, deadline ms, dock,
--       why it is one of the dead or '', its JSON for them, dead letters kept, promises prefix,
--       who sent it ('' anyone, '?' somebody unknown), the id of a reply list of its own or '', prefix of reply lists,
--       key of what its user has stored or '', bytes and keys allowed there, what is said in place of a reply beyond that,
--       and those of audit, to whose record is added how long it took
-- Returns {1 when this call ended it, 0 when it was another's to end; number and link of the record in the audit, '' where it
-- needs none or was counted only, '-' where it could not be recorded}
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local place = ARGV[3] .. ' ' .. KEYS[1]
local seen = redis.call('HMGET', KEYS[2], 'by', 'state', 'waiting', 'dock', 'entry', 'since', 'asker')
if seen[1] then
  if seen[1] ~= ARGV[2] or seen[2] == 'done' or seen[5] ~= place then return {0, ''} end
elseif now > tonumber(ARGV[8]) + tonumber(ARGV[6]) then
  return {0, ''} -- its record has expired; had it been lost with Redis's data, there would still be time
end

redis.call('LLEN', KEYS[3]) -- an error, before anything is written, where it holds something else
-- first of all, and allowed even when Redis is out of memory; what follows it in one script is allowed then, too
redis.pcall('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
local reply, kept, asker = ARGV[5], ARGV[6], ARGV[14]
local store = storing(ARGV[17], ARGV[18], ARGV[19], ARGV[20], kept)
if reply ~= '' then put_all(KEYS[2], KEYS[3], ARGV[16], ARGV[15], reply, store) end
redis.call('HSET', KEYS[2], 'state', 'done', 'by', ARGV[2], 'entry', place)
if not seen[7] and asker ~= '' and asker ~= '?' then redis.call('HSET', KEYS[2], 'asker', asker) end
if ARGV[7] == '1' and reply ~= '' then
  local fits, too_many = store.fits_record(KEYS[2], #reply)
  redis.call('HSET', KEYS[2], 'reply', fits and reply or store.instead)
  if too_many then kept = REFUSAL_KEPT end
end
redis.call('PEXPIRE', KEYS[2], kept)
if ARGV[10] ~= '' then
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[12], '*', 'entry', ARGV[3], 'stream', KEYS[1], 'requestId', ARGV[4],
    'reason', ARGV[10], 'json', ARGV[11])
end
local took = math.max(0, now - tonumber(seen[6] or string.match(ARGV[3], '^%d+')))
local recorded = audit(6, 21, string.format('%.0f', took))
-- a create that failed no longer counts towards its dock; one that succeeded was counted with its instance
local dock = seen[4] or ARGV[9]
if redis.call('ZREM', ARGV[13] .. dock, ARGV[4]) == 1 then redis.call('ZINCRBY', KEYS[4], -1, dock) end
return {1, recorded or '-'}

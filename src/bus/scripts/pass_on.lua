-- Moves a begun request to the stream of the dock that must do it, with its id and its deadline; or from the stream of
-- a dock that is lost back to the shared one.
-- KEYS: from, to, request
-- ARGV: group, consumer, entry, json, request id, deadline ms, dock or '', longest queue,
--       1 where it came as flat fields, 1 where it was sent to the shared stream,
--       1 where its id is nobody's own, so that it will not be sent again; kept ms,
--       the span that it comes from (traceparent) or '', the id of a reply list of its own or '', who sent it ('' anyone,
--       '?' somebody unknown)
-- Returns 1 when moved, 0 when it was another's, -1 when too many wait there
local seen = redis.call('HMGET', KEYS[3], 'by', 'entry', 'since', 'asker')
local by = seen[1]
-- another entry: it was passed on before, and has come back to the same worker
if by and (by ~= ARGV[2] or seen[2] ~= ARGV[3] .. ' ' .. KEYS[1]) then return 0 end
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[8]) then return -1 end
-- a write first that is allowed even when Redis is out of memory; those that follow in one script are allowed then, too
redis.pcall('XACK', KEYS[1], ARGV[1], '0-0')
local fields = {'json', ARGV[4], 'requestId', ARGV[5], 'deadline', ARGV[6]}
local function mark(name, value, is)
  if is == '1' then fields[#fields + 1], fields[#fields + 2] = name, value end
end
mark('flat', '1', ARGV[9])
mark('sent', ARGV[3], ARGV[10])
mark('once', '1', ARGV[11])
if ARGV[13] ~= '' then fields[#fields + 1], fields[#fields + 2] = 'traceparent', ARGV[13] end
if ARGV[14] ~= '' then fields[#fields + 1], fields[#fields + 2] = 'replyTo', ARGV[14] end
local entry = redis.call('XADD', KEYS[2], '*', unpack(fields))
-- its new entry no longer tells when it was sent
local since = seen[3] or string.match(ARGV[3], '^%d+')
redis.call('HSET', KEYS[3], 'entry', entry .. ' ' .. KEYS[2], 'by', '', 'state', 'passed-on', 'since', since)
if ARGV[7] ~= '' then redis.call('HSET', KEYS[3], 'dock', ARGV[7]) end
if not seen[4] and ARGV[15] ~= '' and ARGV[15] ~= '?' then redis.call('HSET', KEYS[3], 'asker', ARGV[15]) end
redis.call('PEXPIREAT', KEYS[3], ARGV[6] + ARGV[12])
if by then redis.call('HINCRBY', KEYS[3], 'attempts', -1) end
redis.pcall('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
return 1

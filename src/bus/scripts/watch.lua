-- Finds what nobody else takes care of: streams of docks that are lost, and streams that are too long. One worker at a
-- time does so for all. Tells once that a dock is lost.
-- KEYS: lock, docks, shared stream, events
-- ARGV: token of the worker, lock ms, own prefix, lease prefix, most entries that may wait, most streams to tell,
--       events kept
-- Returns {now ms}, and after it {dock or '' for the shared stream, 1 if the dock is lost, when it was last seen in ms,
-- how many entries are too many} for each stream; nothing where another worker watches
local keeper = redis.call('GET', KEYS[1])
if keeper and keeper ~= ARGV[1] then return {} end
-- a write first that is allowed even when Redis is out of memory; those that follow in one script are allowed then, too
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local t = redis.call('TIME')
local found = {t[1] * 1000 + math.floor(t[2] / 1000)}

-- its record says so until its next heartbeat
local function tell(dock)
  local record = redis.call('HGET', KEYS[2], dock)
  local readable, known = pcall(cjson.decode, record or '{}')
  if not readable or known.told or known.stopped or not known.lastSeen or known.standing == 'unregistered' then return end
  redis.call('HSET', KEYS[2], dock, string.sub(record, 1, -2) .. ',"told":true}')
  local told = cjson.encode({event = 'dock-lost', dock = dock, lastSeen = known.lastSeen})
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[7], '*', 'json', told)
end

local function look(stream, dock)
  local length = redis.call('XLEN', stream)
  if length == 0 then return end
  local lost = dock ~= '' and redis.call('EXISTS', ARGV[4] .. dock) == 0
  local excess = math.max(0, length - tonumber(ARGV[5]))
  if not lost and excess == 0 then return end
  local record = lost and redis.call('HGET', KEYS[2], dock)
  local seen = record and cjson.decode(record).lastSeen or 0
  found[#found + 1] = {dock, lost and 1 or 0, seen, excess}
end

look(KEYS[3], '')
for _, dock in ipairs(redis.call('HKEYS', KEYS[2])) do
  if redis.call('EXISTS', ARGV[4] .. dock) == 0 then tell(dock) end
  if #found <= tonumber(ARGV[6]) then look(ARGV[3] .. dock, dock) end
end
return found

-- Adds a record to the audit, or none; tells what was counted long enough, trims, and looks whether Redis still has what it
-- has confirmed to this program.
-- KEYS: audit, its head, what is counted
-- ARGV: those of audit, number of the last record that this program knows of or '', its link, the record that says that it is
--       lost, its SHA-256
-- Returns {number and link of the last record or '', 1 if that was lost, 1 if the record was counted only}
-- a write first that is allowed even when Redis is out of memory; those that follow in one script are allowed then, too
redis.call('HDEL', KEYS[2], '')
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local keys, lost = audit_keys(1, 1), false
if ARGV[11] ~= '' then
  local known = tonumber(ARGV[11])
  local head = redis.call('HMGET', keys.head, 'seq', 'r' .. known % AUDIT_RECENT)
  local seq, link = string.match(head[2] or '', '^(%d+) (%S+)$')
  lost = known > tonumber(head[1] or 0) or (tonumber(seq) == known and link ~= ARGV[12])
  if lost then audit_push(keys, ARGV[13], ARGV[14], '', '') end
end
local added = audit_add(keys, now, 1, '')
audit_sweep(keys, now)
audit_trim(keys, now)
local head = redis.call('HMGET', keys.head, 'seq', 'link')
return {head[1] and head[1] .. ' ' .. head[2] or '', lost and 1 or 0, (ARGV[1] ~= '' and added == '') and 1 or 0}

-- The sessions of a user that count. Those that do not are taken out of the list. Its cost is bounded by the number of
-- sessions that a user can have.
-- KEYS: sessions of the user, users
-- ARGV: user, what keys of sessions begin with
-- Returns {ms of Redis's clock, {digest, used, until, created, origin, address, agent}, ...}
local t = redis.call('TIME')
local found = {string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))}
local read, account = pcall(cjson.decode, redis.call('HGET', KEYS[2], ARGV[1]) or '')
local listed = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #listed, 2 do
  local key = ARGV[2] .. listed[i]
  local s = redis.call('HMGET', key, 'user', 'generation', 'until', 'created', 'origin', 'address', 'agent')
  if s[1] == ARGV[1] and read and not account.disabled and account.generation == tonumber(s[2]) then
    table.insert(found, {listed[i], listed[i + 1], s[3] or '', s[4] or '', s[5] or '', s[6] or '', s[7] or ''})
  else
    redis.call('ZREM', KEYS[1], listed[i])
    if s[1] == ARGV[1] then redis.call('DEL', key) end
  end
end
return found

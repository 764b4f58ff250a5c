-- Counts an attempt to log in before the password is looked at, so that many at the same time count as many; a
-- successful one is taken back by auth_login. From the last free one on each locks for twice as long as the one before.
-- KEYS: throttle of the account, throttle of the address where one is known
-- ARGV: deadline ms, first lock ms, longest lock ms, kept ms, attempts free for each of the keys
-- Returns {verdict, ms to wait}: go, locked, late
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if now >= tonumber(ARGV[1]) then return {'late', 0} end
local wait = 0
for _, key in ipairs(KEYS) do
  wait = math.max(wait, tonumber(redis.call('HGET', key, 'until') or 0) - now)
end
if wait > 0 then return {'locked', wait} end
for i, key in ipairs(KEYS) do
  local over = redis.call('HINCRBY', key, 'attempts', 1) - tonumber(ARGV[4 + i])
  local lock = 0
  if over >= 0 then
    lock = math.min(tonumber(ARGV[2]) * 2 ^ math.min(over, 40), tonumber(ARGV[3]))
    redis.call('HSET', key, 'until', string.format('%.0f', now + lock))
  end
  redis.call('PEXPIRE', key, string.format('%.0f', tonumber(ARGV[4]) + lock))
end
return {'go', 0}

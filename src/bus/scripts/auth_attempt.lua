-- Counts an attempt to log in before the password is looked at, so that many at the same time count as many. auth_login
-- takes a successful one back. From the last free attempt on, each failure locks for twice as long as the one before.
-- Three things are counted: the account together with where the attempt comes from, the account from everywhere, and the
-- address for all accounts. The second does not count, nor lock, a place from which the account logged in lately: so
-- nobody locks a user out everywhere.
-- KEYS: throttle of account and place, throttle of the account, known places of the account, throttle of the address where
-- one is known
-- ARGV: deadline ms, first lock ms, longest lock ms, kept ms, attempts free for account and place, for the account, for the
-- address, place, known for ms
-- Returns {verdict, ms to wait, 1 where the place is known}: go, locked, late
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if now >= tonumber(ARGV[1]) then return {'late', 0, 0} end
local last = tonumber(redis.call('ZSCORE', KEYS[3], ARGV[8]) or 0)
local known = last > now - tonumber(ARGV[9])
local counted = {{KEYS[1], tonumber(ARGV[5])}}
if not known then table.insert(counted, {KEYS[2], tonumber(ARGV[6])}) end
if KEYS[4] then table.insert(counted, {KEYS[4], tonumber(ARGV[7])}) end
local wait = 0
for _, one in ipairs(counted) do
  wait = math.max(wait, tonumber(redis.call('HGET', one[1], 'until') or 0) - now)
end
if wait > 0 then return {'locked', wait, 0} end
for _, one in ipairs(counted) do
  local over = redis.call('HINCRBY', one[1], 'attempts', 1) - one[2]
  local lock = 0
  if over >= 0 then
    lock = math.min(tonumber(ARGV[2]) * 2 ^ math.min(over, 40), tonumber(ARGV[3]))
    redis.call('HSET', one[1], 'until', string.format('%.0f', now + lock))
  end
  redis.call('PEXPIRE', one[1], string.format('%.0f', tonumber(ARGV[4]) + lock))
end
return {'go', 0, known and 1 or 0}

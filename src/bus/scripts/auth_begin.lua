-- Keeps a login that somebody goes to the provider for. Anybody can begin one, so there is a bound for each address, and one
-- for all.
-- KEYS: login, count of those begun lately, count of those that the address began lately
-- ARGV: what is kept of it, kept ms, how many at most, counted over ms, how many of one address
-- Returns 0 when it is kept, else the ms until another may be begun
for i, most in ipairs({tonumber(ARGV[5]), tonumber(ARGV[3])}) do
  local key = KEYS[4 - i]
  local count = redis.call('INCR', key)
  if count == 1 then redis.call('PEXPIRE', key, ARGV[4]) end
  if count > most then return math.max(redis.call('PTTL', key), 1) end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0

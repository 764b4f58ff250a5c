-- Changes an account if it is still what was read; with an account its tokens go.
-- KEYS: users, tokens, tokens used
-- ARGV: name, the account as it was read or '' for none, the new one or '' for none, 1 where somebody must be left who manages
-- users
-- Returns 1 when it was changed, 0 when it is another by now, 2 when nobody would be left
local now = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if now ~= ARGV[2] then return 0 end
local function manages(text)
  local read, account = pcall(cjson.decode, text)
  return read and account.role == 'admin' and not account.disabled
end
if ARGV[4] == '1' and manages(now) and not manages(ARGV[3]) then
  local others, left = redis.call('HGETALL', KEYS[1]), false
  for i = 1, #others, 2 do left = left or (others[i] ~= ARGV[1] and manages(others[i + 1])) end
  if not left then return 2 end
end
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  return 1
end
redis.call('HDEL', KEYS[1], ARGV[1])
local tokens = redis.call('HGETALL', KEYS[2])
for i = 1, #tokens, 2 do
  local read, token = pcall(cjson.decode, tokens[i + 1])
  if read and token.user == ARGV[1] then
    redis.call('HDEL', KEYS[2], tokens[i])
    redis.call('HDEL', KEYS[3], tokens[i])
  end
end
return 1

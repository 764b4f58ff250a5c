-- Keeps a new API token, if its user is still what was read and has not too many already.
-- KEYS: users, tokens
-- ARGV: user, the account as it was read, digest, record, tokens allowed
-- Returns {done}, {changed} (the account is another by now), {many}, {named, name} (the user has one of that name, or of one
-- that looks like it)
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return {'changed'} end
local new = cjson.decode(ARGV[4])
local count = 0
for _, text in ipairs(redis.call('HVALS', KEYS[2])) do
  local read, token = pcall(cjson.decode, text)
  if read and token.user == ARGV[1] then
    if token.name == new.name or looks_like(token.name, new.name) then return {'named', token.name} end
    count = count + 1
  end
end
if count >= tonumber(ARGV[5]) then return {'many'} end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return {'done'}

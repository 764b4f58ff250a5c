-- Ends sessions of a user: the one that is named, or all but one. Its cost is bounded by the number of sessions that a user
-- can have.
-- KEYS: sessions of the user
-- ARGV: user, what keys of sessions begin with, the digest of the one that ends or '' for all, the digest of one that stays
-- or ''
-- Returns how many ended
local ended = 0
for _, digest in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if digest ~= ARGV[4] and (ARGV[3] == '' or digest == ARGV[3]) then
    local key = ARGV[2] .. digest
    if redis.call('HMGET', key, 'user')[1] == ARGV[1] then ended = ended + redis.call('DEL', key) end
    redis.call('ZREM', KEYS[1], digest)
  end
end
return ended

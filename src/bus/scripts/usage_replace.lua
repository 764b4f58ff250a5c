-- Has a new instance count in the place of an old one.
-- KEYS: owners
-- ARGV: prefix of what users use, old id, new id
local record = redis.call('HGET', KEYS[1], ARGV[2])
local owner = record and cjson.decode(record).owner
if type(owner) ~= 'string' then return 0 end
local entry = redis.call('HGET', ARGV[1] .. owner, ARGV[2])
if not entry then return 0 end
redis.call('HDEL', ARGV[1] .. owner, ARGV[2])
redis.call('HSET', ARGV[1] .. owner, ARGV[3], entry)
return 1

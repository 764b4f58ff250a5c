-- Writes down what is said about whose an instance is, if that is still what it was when it was read.
-- KEYS: ownership, revisions
-- ARGV: dock, id, what was said before or '', what is said from now on
-- Returns 1, or 0 where somebody else has said something meanwhile

-- a write first that is allowed even when Redis is out of memory; those that follow in one script are allowed then, too
redis.call('HDEL', KEYS[1], '')

if (redis.call('HGET', KEYS[1], ARGV[2]) or '') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4])
redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
return 1

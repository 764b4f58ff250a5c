-- Gives an instance to another user, if that one's quota allows it: what is said about it and what both use, in one step.
-- KEYS, further: usage of the owner before, which may be the same; ownership; revisions
-- ARGV, further: memory, nano cpus, what is said about the instance from now on, request that made it or '',
--                what was said about it before or '', dock, pids
-- Returns nothing, what the quota says, or {'changed'} where somebody else has said something meanwhile
if (redis.call('HGET', KEYS[5], ARGV[2]) or '') ~= ARGV[7] then return {'changed'} end
local refused = refusal({memory = tonumber(ARGV[3]), nanoCpus = tonumber(ARGV[4]), pids = tonumber(ARGV[9])})
if refused then return refused end
redis.call('HSET', KEYS[5], ARGV[2], ARGV[5])
redis.call('HINCRBY', KEYS[6], ARGV[8], 1)
redis.call('HDEL', KEYS[4], ARGV[2], 'request/' .. ARGV[6])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3] .. ' ' .. ARGV[4] .. ' 0 ' .. ARGV[9])
return {}

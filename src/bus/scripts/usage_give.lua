-- Gives an instance to another user, if that one's quota allows it: what is said about it and what both use, in one step.
-- KEYS, further: usage of the owner before, which may be the same; ownership
-- ARGV, further: memory, nano cpus, what is said about the instance from now on, request that made it or '', pids
-- Returns nothing, or what the quota says
local refused = refusal({memory = tonumber(ARGV[3]), nanoCpus = tonumber(ARGV[4]), pids = tonumber(ARGV[7])})
if refused then return refused end
redis.call('HSET', KEYS[5], ARGV[2], ARGV[5])
redis.call('HDEL', KEYS[4], ARGV[2], 'request/' .. ARGV[6])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3] .. ' ' .. ARGV[4] .. ' 0 ' .. ARGV[7])
return {}

-- Counts a create that is about to be done, or what an instance is about to be changed to, if the user's quota allows it.
-- ARGV, further: memory, nano cpus, time in ms; memory and nano cpus that it has now, or '' twice for a new one; pids; pids that
-- it has now, or '' for a new one
-- Returns nothing, or what the quota says
local before = ARGV[6] ~= '' and {memory = tonumber(ARGV[6]), nanoCpus = tonumber(ARGV[7]), pids = tonumber(ARGV[9])} or nil
local refused = refusal({memory = tonumber(ARGV[3]), nanoCpus = tonumber(ARGV[4]), pids = tonumber(ARGV[8])}, before)
if refused then return refused end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. ARGV[5] .. ' ' .. ARGV[8])
return {}

-- Returns instances, memory, nano cpus, instances without a limit of memory and without one of cpus, pids, instances without a
-- limit of pids.
local all = {used.instances, used.memory, used.nanoCpus, without.memory, without.nanoCpus, used.pids, without.pids}
for i, number in ipairs(all) do all[i] = string.format('%.0f', number) end
return all

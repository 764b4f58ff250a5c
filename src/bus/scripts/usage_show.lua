-- Returns instances, memory, nano cpus, instances without a limit of memory and without one of cpus.
local all = {used.instances, used.memory, used.nanoCpus, without.memory, without.nanoCpus}
for i, number in ipairs(all) do all[i] = string.format('%.0f', number) end
return all

-- What one user uses. Scripts that come after this one go on with: quota, used, without, entry.
-- KEYS: usage of the user, users, owners
-- ARGV: user, field of the entry that is left out of what is used (a container's id, or request/<id>) or ''
-- An entry is `memory nanocpus time pids`. A limit of 0 is no limit. The time, in ms, is when a create is given up, or when an
-- instance is looked at again; 0 is never. The last two numbers may be missing.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

-- a write first that is allowed even when Redis is out of memory; those that follow in one script are allowed then, too
redis.call('HDEL', KEYS[1], '')

local account = redis.call('HGET', KEYS[2], ARGV[1])
local quota = account and cjson.decode(account).quota
if type(quota) ~= 'table' then quota = {} end

local used, without, entry = {instances = 0, memory = 0, nanoCpus = 0, pids = 0}, {memory = 0, nanoCpus = 0, pids = 0}, nil
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local field = all[i]
  local memory, cpus, time, pids = string.match(all[i + 1], '^(%d+) (%d+) ?(%d*) ?(%d*)$')
  local gone
  if string.sub(field, 1, 8) == 'request/' then
    gone = (tonumber(time) or 0) < now
  else
    gone = redis.call('HEXISTS', KEYS[3], field) == 0
  end
  if gone or not memory then
    redis.call('HDEL', KEYS[1], field)
  elseif field == ARGV[2] then
    entry = all[i + 1]
  else
    used.instances = used.instances + 1
    for kind, amount in pairs({memory = tonumber(memory), nanoCpus = tonumber(cpus), pids = tonumber(pids) or 0}) do
      used[kind] = used[kind] + amount
      if amount == 0 then without[kind] = without[kind] + 1 end
    end
  end
end

-- Why an instance with these limits is too much, if it is: {why, of what, used, asked for, quota}. `before` is what it
-- has, where it counts already: that it may keep, and have less.
local function refusal(wanted, before)
  -- sent again, it may have what is counted for it
  local has, had_cpus, had_pids = string.match(entry or '', '^(%d+) (%d+) ?%d* ?(%d*)$')
  local function fits(asked, counted) return counted == 0 or asked ~= 0 and asked <= counted end
  if has and not before and fits(wanted.memory, tonumber(has)) and fits(wanted.nanoCpus, tonumber(had_cpus))
    and fits(wanted.pids, tonumber(had_pids) or 0) then return end
  if not before and quota.instances and used.instances + 1 > quota.instances then
    return {'exceeded', 'instances', string.format('%.0f', used.instances), '1', string.format('%.0f', quota.instances)}
  end
  for _, kind in ipairs({'memory', 'nanoCpus', 'pids'}) do
    local limit, asked, had = quota[kind], wanted[kind], before and before[kind]
    local kept = had and (asked == had or asked ~= 0 and asked < had)
    if limit and not kept then
      local why = asked == 0 and 'without' or without[kind] > 0 and 'others' or used[kind] + asked > limit and 'exceeded'
      if why then
        local told = why == 'others' and without[kind] or used[kind]
        return {why, kind, string.format('%.0f', told), string.format('%.0f', asked), string.format('%.0f', limit)}
      end
    end
  end
end

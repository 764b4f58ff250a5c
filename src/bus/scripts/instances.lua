-- Applies changes to the records of one dock's instances, keeps index, owners and load in step, and tells of each change
-- once, in the same step.
-- KEYS: instances of the dock, owners, index, load, promises of the dock, events, ownership, revisions
-- ARGV: dock, number of upserts, total that counts towards the load or '' to leave it to the changes,
--       1 to tell, events kept, prefix of what users use,
--       per upsert: id, name, summary, owner record, request id or '', 1 if it counts; then ids to remove
local dock, upserts = ARGV[1], tonumber(ARGV[2])
local delta = 0

-- a write first that is allowed even when Redis is out of memory; those that follow in one script are allowed then, too
redis.call('ZREM', KEYS[3], '')

local function counts(state)
  return (state == 'created' or state == 'running' or state == 'restarting' or state == 'paused') and 1 or 0
end

local function tell(event, instance, was)
  if ARGV[4] ~= '1' then return end
  local told = {event = event, dock = dock, id = instance.id, name = instance.name, image = instance.image,
    state = instance.state, owner = instance.owner, was = was}
  if instance.state == 'exited' then told.exitCode = tonumber(string.match(instance.status, '^Exited %((%d+)%)')) end
  redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[5], '*', 'json', cjson.encode(told))
end

-- what its health check has found, where it runs
local function is(instance, health)
  return instance.state == 'running' and string.find(instance.status, '(' .. health .. ')', 1, true) ~= nil
end

-- what was known of it, if anything was
local function forget(id)
  local old = redis.call('HGET', KEYS[1], id)
  if not old then return end
  old = cjson.decode(old)
  delta = delta - counts(old.state)
  redis.call('ZREM', KEYS[3], 'id/' .. id .. '/' .. dock, 'name/' .. old.name .. '/' .. dock .. '/' .. id,
    'request/' .. (old.requestId or '') .. '/' .. dock .. '/' .. id)
  return old
end

-- What its owner uses, in step with whose it is: a create that was counted becomes the instance.
local function count(id, new, old, request)
  local owner, before = new and new.owner, old and old.owner
  if type(before) == 'string' and before ~= owner then redis.call('HDEL', ARGV[6] .. before, id) end
  if type(owner) ~= 'string' or request == '' then return end
  local claimed = redis.call('HGET', ARGV[6] .. owner, 'request/' .. request)
  if not claimed then return end
  redis.call('HDEL', ARGV[6] .. owner, 'request/' .. request)
  local limits, pids = string.match(claimed, '^(%d+ %d+) ?%d* ?(%d*)$')
  redis.call('HSET', ARGV[6] .. owner, id, pids ~= '' and limits .. ' 0 ' .. pids or limits)
end

local at = 7
for _ = 1, upserts do
  local id, name, summary, owner, request, counted = unpack(ARGV, at, at + 5)
  at = at + 6
  local old, new = forget(id), cjson.decode(summary)
  if not old then
    tell('instance-created', new)
  else
    if old.name ~= new.name then tell('instance-renamed', new, old.name) end
    if old.state ~= new.state then tell('instance-' .. new.state, new, old.state) end
    if is(new, 'unhealthy') and not is(old, 'unhealthy') then tell('instance-unhealthy', new) end
    if is(old, 'unhealthy') and is(new, 'healthy') then tell('instance-healthy', new) end
  end
  redis.call('HSET', KEYS[1], id, summary)
  redis.call('HSET', KEYS[2], id, owner)
  redis.call('ZADD', KEYS[3], 0, 'id/' .. id .. '/' .. dock, 0, 'name/' .. name .. '/' .. dock .. '/' .. id)
  delta = delta + tonumber(counted)
  count(id, new, old, request)
  -- the promise is kept: from here on the instance itself counts
  if request ~= '' then
    delta = delta - redis.call('ZREM', KEYS[5], request)
    redis.call('ZADD', KEYS[3], 0, 'request/' .. request .. '/' .. dock .. '/' .. id)
  end
end
for i = at, #ARGV do
  local old = forget(ARGV[i])
  if old then
    tell('instance-removed', old)
    count(ARGV[i], nil, old, '')
  end
  redis.call('HDEL', KEYS[1], ARGV[i])
  redis.call('HDEL', KEYS[2], ARGV[i])
  redis.call('HDEL', KEYS[7], ARGV[i])
end

-- what was read before is old now
if upserts > 0 or at <= #ARGV then redis.call('HINCRBY', KEYS[8], dock, 1) end

if ARGV[3] ~= '' then
  redis.call('ZADD', KEYS[4], ARGV[3] + redis.call('ZCARD', KEYS[5]), dock)
elseif delta ~= 0 then
  redis.call('ZINCRBY', KEYS[4], delta, dock)
end
return 1

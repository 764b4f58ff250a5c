-- Chooses a dock and, for a create, promises the instance to it in the same step. Or lists the docks that fit a create.
-- KEYS: load, docks, request
-- ARGV: lease prefix, promises prefix, request id, deadline ms, purpose (create, read or list), dock asked for or '',
--       labels the dock must have (JSON object), how many to list
-- Returns {1, dock} or {0, why the dock asked for does not fit, or '' when none fits}; docks for a list
local wanted = cjson.decode(ARGV[7])
local create = ARGV[5] == 'create'
local drained_will_do = ARGV[5] == 'read'

local function unfit(dock)
  local record = redis.call('HGET', KEYS[2], dock)
  if not record then return 'unknown' end
  record = cjson.decode(record)
  if record.standing == 'unregistered' then return 'unregistered' end
  if redis.call('EXISTS', ARGV[1] .. dock) == 0 then return 'lost' end
  if record.standing == 'drained' and not drained_will_do then return 'drained' end
  if record.daemon ~= 'up' then return 'daemon-down' end
  for name, value in pairs(wanted) do
    local has = record.setLabels and record.setLabels[name] or record.labels and record.labels[name]
    if has ~= value then return 'labels' end
  end
  return nil
end

local function choose(dock)
  if create and redis.call('ZADD', ARGV[2] .. dock, 'NX', ARGV[4], ARGV[3]) == 1 then
    redis.call('ZINCRBY', KEYS[1], 1, dock)
    redis.call('HSET', KEYS[3], 'dock', dock)
  end
  return {1, dock}
end

-- Up to `count` docks, least loaded first; in pages, so that a cluster of any size costs what it takes to find those.
local function fitting(count)
  local found, from = {}, 0
  while #found < count do
    local page = redis.call('ZRANGE', KEYS[1], from, from + 49)
    if #page == 0 then break end
    for _, dock in ipairs(page) do
      if #found < count and not unfit(dock) then found[#found + 1] = dock end
    end
    from = from + 50
  end
  return found
end

if ARGV[5] == 'list' then return fitting(tonumber(ARGV[8])) end

-- asked again, because the answer was lost or the request was taken over: the promise stands
local promised = create and redis.call('HGET', KEYS[3], 'dock')
if promised and (ARGV[6] == '' or ARGV[6] == promised) and
    redis.call('ZSCORE', ARGV[2] .. promised, ARGV[3]) and not unfit(promised) then
  return {1, promised}
end

if ARGV[6] ~= '' then
  local reason = unfit(ARGV[6])
  if reason then return {0, reason} end
  return choose(ARGV[6])
end

local fittest = fitting(1)[1]
if not fittest then return {0, ''} end
return choose(fittest)

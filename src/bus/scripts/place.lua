-- Chooses a dock and, for a create, promises the instance to it in the same step. Or lists the docks that fit a create.
-- KEYS: load, docks, request, index
-- ARGV: lease prefix, promises prefix, request id, deadline ms, purpose (create, read or list), dock asked for or '',
--       labels the dock must have (JSON object), how many to list
--       1 if another dock may take the place of one that is lost, prefix of the requests placed anew, how many at most,
--       how often at most, consumer, kept ms
-- Returns {1, dock}, {0, why the dock asked for does not fit, or '' when none fits}, {-1, dock that is lost and may have
-- created it}, {-2, ''} where another worker has taken the request over; docks for a list

-- a write first that is allowed even when Redis is out of memory; those that follow in one script are allowed then, too
redis.call('ZREM', KEYS[1], '')

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

local function settle(dock)
  redis.call('HSET', KEYS[3], 'dock', dock)
  redis.call('PEXPIREAT', KEYS[3], ARGV[4] + ARGV[14])
  return {1, dock}
end

local function choose(dock)
  if not create then return {1, dock} end
  if redis.call('ZADD', ARGV[2] .. dock, 'NX', ARGV[4], ARGV[3]) == 1 then redis.call('ZINCRBY', KEYS[1], 1, dock) end
  return settle(dock)
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

-- A worker that slept must not promise what is settled.
local by = create and redis.call('HGET', KEYS[3], 'by')
if by and by ~= ARGV[13] then return {-2, ''} end

-- Asked again, because the answer was lost or the request was taken over: the promise stands. The dock may have created
-- it already, so however it stands now, no other dock will do.
local promised = create and redis.call('HGET', KEYS[3], 'dock')
if promised and unfit(promised) == 'lost' then
  if redis.call('ZREM', ARGV[2] .. promised, ARGV[3]) == 1 then redis.call('ZINCRBY', KEYS[1], -1, promised) end
  local anew = ARGV[9] == '1' and ARGV[6] == '' and redis.call('HINCRBY', KEYS[3], 'replaced', 1) <= tonumber(ARGV[12])
    and redis.call('ZCARD', ARGV[10] .. promised) < tonumber(ARGV[11])
  if not anew then return {-1, promised} end
  redis.call('ZADD', ARGV[10] .. promised, ARGV[4], ARGV[3])
  redis.call('HDEL', KEYS[3], 'dock')
elseif promised then
  return {1, promised}
end

-- The same id was used before, perhaps in a Redis that has lost its data since: its instance is there.
local made = create and redis.call('ZRANGEBYLEX', KEYS[4], '[request/' .. ARGV[3] .. '/',
  '[request/' .. ARGV[3] .. '/\127', 'LIMIT', 0, 1)[1]
if made then
  local dock = string.match(made, '^request/[^/]*/([^/]*)/')
  local why = unfit(dock)
  local given_up = redis.call('ZSCORE', ARGV[10] .. dock, ARGV[3])
  if not given_up and (ARGV[6] == '' or ARGV[6] == dock) and why ~= 'unknown' then
    if why == 'lost' then return {-1, dock} end
    return settle(dock)
  end
end

if ARGV[6] ~= '' then
  local reason = unfit(ARGV[6])
  if reason then return {0, reason} end
  return choose(ARGV[6])
end

local fittest = fitting(1)[1]
if not fittest then return {0, ''} end
return choose(fittest)

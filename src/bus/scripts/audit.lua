-- What each script begins with that adds to the audit; it stands before answer, audit_add and finish.
-- KEYS, from a place on: audit, its head, what is counted
-- ARGV, from a place on: record (JSON object) or '' for none, its SHA-256, what it is counted by or '' and how many are kept
--       one by one, both once more, ms for which is counted, records kept, ms kept, 1 where the last two are an option
-- The head has the number and the link of the last record, those of the last 512 records (r0 to r511), of each 64th record
-- (c64, c128, ...) until it is trimmed, and of the last one that was trimmed. A link is the SHA-1 of the link before it, the
-- record's number, its place in the stream, its SHA-256, and what is added to it here.
-- The cost is that of one record. Of each 64th record it is that of trimming 64 others up to 16 times, and once in a tenth of
-- the time for which is counted that of reading what is counted, 2000 fields at most.
local AUDIT_STEP, AUDIT_RECENT, AUDIT_COUNTED = 64, 512, 2000

local function audit_push(keys, record, digest, took, repeated)
  local head = redis.call('HMGET', keys.head, 'seq', 'link')
  local seq, prev = tonumber(head[1] or 0) + 1, head[2] or ''
  local entry = {'json', record, 'seq', seq, 'prev', prev}
  for name, value in pairs({took = took, repeated = repeated}) do
    if value ~= '' then
      entry[#entry + 1] = name
      entry[#entry + 1] = value
    end
  end
  local at = redis.call('XADD', keys.audit, '*', unpack(entry))
  local link = redis.sha1hex(table.concat({prev, seq, at, digest, took, repeated}, '\n'))
  redis.call('HSET', keys.head, 'seq', seq, 'link', link, 'r' .. seq % AUDIT_RECENT, seq .. ' ' .. link)
  if seq % AUDIT_STEP == 0 then redis.call('HSET', keys.head, 'c' .. seq, at .. ' ' .. link) end
  return seq .. ' ' .. link
end

local function audit_trim(keys, now)
  for _ = 1, 16 do
    local head = redis.call('HMGET', keys.head, 'seq', 'oldest', 'most', 'keep')
    local oldest = tonumber(head[2] or AUDIT_STEP)
    local step = redis.call('HGET', keys.head, 'c' .. oldest)
    if not step then return end
    local millis, number, link = string.match(step, '^(%d+)-(%d+) (%S+)$')
    if tonumber(head[1]) - oldest < tonumber(head[3] or keys.most) and now - millis < tonumber(head[4] or keys.keep) then
      return
    end
    redis.call('XTRIM', keys.audit, 'MINID', millis .. '-' .. string.format('%.0f', number + 1))
    redis.call('HSET', keys.head, 'trimSeq', oldest, 'trimLink', link, 'oldest', oldest + AUDIT_STEP)
    redis.call('HDEL', keys.head, 'c' .. oldest)
  end
end

-- what was only counted becomes the last record of its kind, which says how many it stands for
local function audit_told(keys, state)
  local skipped, digest, record = string.match(state or '', '^%d+ %d+ (%d+) (%x+)\n(.*)$')
  if skipped then audit_push(keys, record, digest, '', skipped) end
end

local function audit_sweep(keys, now)
  if now < tonumber(redis.call('HGET', keys.head, 'swept') or 0) + keys.window / 10 then return end
  redis.call('HSET', keys.head, 'swept', string.format('%.0f', now))
  local all = redis.call('HGETALL', keys.counted)
  for i = 1, #all, 2 do
    if now >= tonumber(string.match(all[i + 1], '^%d+') or 0) + keys.window then
      audit_told(keys, all[i + 1])
      redis.call('HDEL', keys.counted, all[i])
    end
  end
end

-- whether this record is kept by itself
local function audit_counts(keys, now, counted, record, digest)
  local seen = {}
  for i, by in ipairs(counted) do
    local state = redis.call('HGET', keys.counted, by.name)
    if not state and redis.call('HLEN', keys.counted) >= AUDIT_COUNTED then
      by.name = 'others'
      state = redis.call('HGET', keys.counted, by.name)
    end
    local since, count, skipped = string.match(state or '', '^(%d+) (%d+) (%d+)')
    if not since or now >= since + keys.window then
      audit_told(keys, state)
      since, count, skipped = string.format('%.0f', now), 0, 0
    end
    seen[i] = {since = since, count = tonumber(count)}
    if seen[i].count >= by.limit then
      local told = {since, count, skipped + 1, digest}
      redis.call('HSET', keys.counted, by.name, table.concat(told, ' ') .. '\n' .. record)
      return false
    end
  end
  for i, by in ipairs(counted) do
    redis.call('HSET', keys.counted, by.name, seen[i].since .. ' ' .. seen[i].count + 1 .. ' 0')
  end
  return true
end

local function audit_keys(key, arg)
  return {audit = KEYS[key], head = KEYS[key + 1], counted = KEYS[key + 2], window = tonumber(ARGV[arg + 6]),
    most = ARGV[arg + 7], keep = ARGV[arg + 8]}
end

-- Returns the number and the link of the record; '' where it was counted only
local function audit_add(keys, now, arg, took)
  local record, digest, counted = ARGV[arg], ARGV[arg + 1], {}
  for i = arg + 2, arg + 4, 2 do
    if ARGV[i] ~= '' then counted[#counted + 1] = {name = ARGV[i], limit = tonumber(ARGV[i + 1])} end
  end
  if ARGV[arg + 9] == '1' then
    local known = redis.call('HMGET', keys.head, 'most', 'keep')
    if known[1] ~= keys.most or known[2] ~= keys.keep then
      redis.call('HSET', keys.head, 'most', keys.most, 'keep', keys.keep)
    end
  end
  if record == '' or not audit_counts(keys, now, counted, record, digest) then return '' end
  local added = audit_push(keys, record, digest, took, '')
  if tonumber(string.match(added, '^%d+')) % AUDIT_STEP == 0 then audit_trim(keys, now) end
  audit_sweep(keys, now)
  return added
end

-- The same for a script that does something else as well, which goes on if nothing can be recorded: returns false then
local function audit(key, arg, took)
  if ARGV[arg] == '' then return '' end
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  local done, added = pcall(audit_add, audit_keys(key, arg), now, arg, took)
  return done and added
end

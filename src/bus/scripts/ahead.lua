-- Whether a request for an instance is still there that was sent to the shared stream before another: in that stream, or
-- passed on to that of the instance's dock. Entries are deleted when they are finished or passed on.
-- KEYS: shared stream, the dock's own stream or none
-- ARGV: entry, full id, name or '', actions that need not be waited for, each between two spaces
-- Returns shared, own or '' for the stream that one is in
local id, name, harmless = ARGV[2], ARGV[3], ARGV[4]

local function means(reference)
  return reference == name or string.sub(id, 1, #reference) == reference
end

local function is_earlier(sent)
  local ms, sequence = string.match(sent, '^(%d+)-(%d+)$')
  local my_ms, my_sequence = string.match(ARGV[1], '^(%d+)-(%d+)$')
  ms, sequence, my_ms, my_sequence = tonumber(ms), tonumber(sequence), tonumber(my_ms), tonumber(my_sequence)
  return ms and (ms < my_ms or (ms == my_ms and sequence < my_sequence))
end

-- a pattern first, which costs less than decoding; what else a request has in it that looks like an id does not count
local function counts(fields, passed_on)
  local about, waits
  local earlier = not passed_on
  local function check(action)
    if not string.find(harmless, ' ' .. action .. ' ', 1, true) then waits = true end
  end
  for i = 1, #fields, 2 do
    local field, value = fields[i], fields[i + 1]
    if field == 'sent' and passed_on then earlier = is_earlier(value) end
    if field == 'action' then check(value) end
    if field == 'id' then about = means(value) end
    if field == 'json' then
      local likely
      for reference in string.gmatch(value, '"id"%s*:%s*"([^"]+)"') do likely = likely or means(reference) end
      local read, request = pcall(cjson.decode, likely and value or '')
      if read and type(request) == 'table' and type(request.id) == 'string' then
        about = about or means(request.id)
        check(tostring(request.action))
      end
    end
  end
  return earlier and about and waits
end

local function any(stream, to, passed_on, most)
  local from, seen = '-', 0
  while true do
    local page = redis.call('XRANGE', stream, from, to, 'COUNT', 100)
    for _, item in ipairs(page) do
      if counts(item[2], passed_on) then return true end
    end
    if #page < 100 then return false end
    seen = seen + 100
    if most and seen >= most then return true end
    from = '(' .. page[#page][1]
  end
end

if any(KEYS[1], '(' .. ARGV[1]) then return 'shared' end
-- behind so many it does no harm to stand in line
if KEYS[2] and any(KEYS[2], '+', true, 500) then return 'own' end
return ''

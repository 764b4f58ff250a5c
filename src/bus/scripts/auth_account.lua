-- Changes an account if it is still what was read; with an account its tokens and the list of its sessions go. A new account
-- gets no name that looks like that of another, and a group that is new in the account no name that looks like that of
-- another group. Its cost grows with the number of accounts, which people make and change by hand or by logging in.
-- KEYS: users, tokens, tokens used, sessions of the user
-- ARGV: name, the account as it was read or '' for none, the new one or '' for none, 1 where somebody must be left who manages
-- users, 1 where the tokens of the user are revoked
-- Returns {1} when it was changed, {0} when it is another by now, {2} when nobody would be left, {3, name} when a user looks
-- like it, {4, group, name} when a group looks like one of its groups
local now = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if now ~= ARGV[2] then return {0} end

local function decode(text)
  local read, account = pcall(cjson.decode, text)
  return read and type(account) == 'table' and account or {}
end

local function groups(text)
  local named = decode(text).groups
  return type(named) == 'table' and named or {}
end

local function manages(text)
  local account = decode(text)
  return account.role == 'admin' and not account.disabled
end

if ARGV[4] == '1' and manages(now) and not manages(ARGV[3]) then
  local others, left = redis.call('HGETALL', KEYS[1]), false
  for i = 1, #others, 2 do left = left or (others[i] ~= ARGV[1] and manages(others[i + 1])) end
  if not left then return {2} end
end

local function revoke_tokens()
  local tokens = redis.call('HGETALL', KEYS[2])
  for i = 1, #tokens, 2 do
    if decode(tokens[i + 1]).user == ARGV[1] then
      redis.call('HDEL', KEYS[2], tokens[i])
      redis.call('HDEL', KEYS[3], tokens[i])
    end
  end
end

if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('DEL', KEYS[4])
  revoke_tokens()
  return {1}
end

local had, new = {}, {}
for _, group in ipairs(groups(now)) do had[group] = true end
for _, group in ipairs(groups(ARGV[3])) do
  if not had[group] then table.insert(new, group) end
end
if now == '' or #new > 0 then
  -- all groups there are, by how they read in lower case and by how they look
  local exact, lower, looks = {}, {}, {}
  local function known(group)
    exact[group], lower[group:lower()], looks[skeleton(group)] = true, group, group
  end
  for group in pairs(had) do known(group) end
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if now == '' and looks_like(all[i], ARGV[1]) then return {3, all[i]} end
    for _, group in ipairs(groups(all[i + 1])) do known(group) end
  end
  for _, group in ipairs(new) do
    local other = lower[group:lower()] or looks[skeleton(group)]
    if other and not exact[group] then return {4, group, other} end
    known(group)
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[5] == '1' then revoke_tokens() end
return {1}

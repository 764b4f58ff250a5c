-- Functions of begin, answer and finish; it stands before them. It holds who may have a stored reply, how replies reach
-- those who wait, and how much is stored for one user.
--
-- A reply goes before refusals in its list: whoever sent a request must not take for its reply what another was told who
-- used the same id. While the request is under way its list stays empty, and refusals wait in its record.

-- Copies of one reply that wait to be read, and the requests with one id that wait for it.
local COPIES = 100
-- Refusals that a record holds back, each as long as a message, and those that a list may hold.
local REFUSALS = 16
-- How long a refusal stays in a list that has nothing else, in ms.
local REFUSAL_KEPT = 60000

-- Whether an entry comes from whoever sent the first one with its id. '' stands for anyone: nobody is asked who it is.
-- '?' stands for somebody unknown, who is never the same.
local function is_same(asker, first)
  return asker == '' or (asker ~= '?' and asker == first)
end

-- Puts so many copies of a reply where it is waited for, as far as they fit into what the user may have stored; where they
-- do not, `instead` says so. Copies that nobody has read count. Returns the length of the list, and whether a copy fitted.
local function put_reply(key, reply, times, store)
  local put = redis.pcall('LLEN', key)
  if type(put) == 'table' then return put, true end
  local fits = true
  for _ = 1, math.min(times, COPIES - put) do
    fits = fits and store.fits(key, #reply)
    put = redis.call(fits and 'LPUSH' or 'RPUSH', key, fits and reply or store.instead)
  end
  redis.call('PEXPIRE', key, fits and store.kept or REFUSAL_KEPT)
  return put, fits
end

local function put_refusal(key, refusal)
  local there = redis.pcall('LLEN', key)
  if type(there) == 'table' then return there end
  if there >= COPIES then return there end
  local put = redis.call('RPUSH', key, refusal)
  if there == 0 then redis.call('PEXPIRE', key, REFUSAL_KEPT) end
  return put
end

-- Has an entry with the id of a request that is under way wait for its reply: at the list of that id, or at one of its own.
local function wait_too(request, private)
  if private == '' then return redis.call('HINCRBY', request, 'waiting', 1) end
  local waiting = redis.call('HGET', request, 'private') or ''
  if #waiting < COPIES * 100 then redis.call('HSET', request, 'private', waiting .. private .. ' ') end
  return 1
end

-- Refuses an entry with the id of a request that is under way.
local function refuse_later(request, refusal)
  local number = redis.call('HINCRBY', request, 'refusals', 1)
  if number <= REFUSALS then redis.call('HSET', request, 'refusal ' .. number, refusal) end
  return number
end

-- Gives the reply to all who wait for it: the entry that was done, at its own list if it has one, and those with the same
-- id. What others were refused meanwhile comes behind it.
local function put_all(request, list, prefix, private, reply, store)
  local seen = redis.call('HMGET', request, 'waiting', 'private', 'refusals')
  local waiting = tonumber(seen[1] or 0) + (private == '' and 1 or 0)
  local put, fits
  if waiting > 0 then put, fits = put_reply(list, reply, waiting, store) end
  if private ~= '' then put, fits = put_reply(prefix .. private, reply, 1, store) end
  for other in string.gmatch(seen[2] or '', '%S+') do put_reply(prefix .. other, reply, 1, store) end
  local refusals = math.min(tonumber(seen[3] or 0), REFUSALS)
  for number = 1, refusals do
    local refusal = redis.call('HGET', request, 'refusal ' .. number)
    if refusal then put_refusal(list, refusal) end
    redis.call('HDEL', request, 'refusal ' .. number)
  end
  if seen[1] or seen[2] or seen[3] then redis.call('HDEL', request, 'waiting', 'private', 'refusals') end
  return put, fits
end

-- How much may be stored for one user: `fits` says whether so many more bytes fit, and counts them. `account` is a hash:
-- key that is stored to its bytes, and '' to the sum; '' where nobody is asked who it is. What has been read or has expired
-- is found by samples, and only when the bound is reached. Replies that wait to be read and those that are remembered for
-- a repeated id count apart: what is remembered must not stand in the way of what is read.
local function storing(account, most_bytes, most, instead, kept)
  most_bytes, most = tonumber(most_bytes), tonumber(most)
  local store = {instead = instead, kept = kept}
  local function fits(account, key, bytes)
    local sum = tonumber(redis.call('HGET', account, '') or 0)
    local function is_full()
      return sum + bytes > most_bytes or redis.call('HLEN', account) > most
    end
    for _ = 1, 8 do
      if not is_full() then break end
      local sample = redis.call('HRANDFIELD', account, 100, 'WITHVALUES')
      for i = 1, #sample, 2 do
        local stored = sample[i]
        if stored ~= '' and redis.call('EXISTS', stored) == 0 then
          redis.call('HDEL', account, stored)
          sum = redis.call('HINCRBY', account, '', -sample[i + 1])
        end
      end
    end
    if is_full() then return false, redis.call('HLEN', account) > most end
    redis.call('HINCRBY', account, key, bytes)
    redis.call('HINCRBY', account, '', bytes)
    redis.call('PEXPIRE', account, kept)
    return true
  end
  function store.fits(key, bytes)
    return account == '' or fits(account, key, bytes)
  end
  -- whether the reply of a request fits into its record; and where not, whether too many are there
  function store.fits_record(key, bytes)
    if account == '' then return true end
    return fits(account .. '/remembered', key, bytes)
  end
  return store
end

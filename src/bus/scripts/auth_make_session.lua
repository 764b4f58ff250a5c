-- What makes a session; it stands before auth_login and auth_open.
-- A user has a bounded number of sessions. When there are more, those leave the list that have expired, and then the ones
-- that were not used for the longest time end. The cost is bounded by that number.
local function make_session(session, listed, now, made)
  local ttl = math.min(tonumber(made.idle), tonumber(made.absolute))
  redis.call('HSET', session, 'user', made.user, 'generation', made.generation,
    'until', string.format('%.0f', now + tonumber(made.absolute)), 'created', string.format('%.0f', now),
    'origin', made.origin, 'address', made.address, 'agent', made.agent)
  redis.call('PEXPIRE', session, ttl)
  redis.call('ZADD', listed, now, made.digest)
  local most = tonumber(made.most)
  if redis.call('ZCARD', listed) > most then
    for _, digest in ipairs(redis.call('ZRANGE', listed, 0, -1)) do
      if redis.call('EXISTS', made.prefix .. digest) == 0 then redis.call('ZREM', listed, digest) end
    end
    local over = redis.call('ZCARD', listed) - most
    if over > 0 then
      for _, digest in ipairs(redis.call('ZRANGE', listed, 0, over - 1)) do
        redis.call('DEL', made.prefix .. digest)
        redis.call('ZREM', listed, digest)
      end
    end
  end
  redis.call('PEXPIRE', listed, math.max(redis.call('PTTL', listed), ttl))
end

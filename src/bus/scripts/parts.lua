-- Keeps what the ids of the parts of a request end with, before the first part is sent: a worker that takes the request over
-- sends them again with the same ids.
-- KEYS: request
-- ARGV: what they are to end with, one after the other; kept ms
-- Returns what was kept first
redis.call('HSETNX', KEYS[1], 'parts', ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('HGET', KEYS[1], 'parts')

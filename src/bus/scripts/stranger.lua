-- Whether something waits in the own stream of a dock that nobody knows. What is empty is removed.
-- KEYS: stream, docks
-- ARGV: dock
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 0 end
if redis.call('XLEN', KEYS[1]) > 0 then return 1 end
redis.call('DEL', KEYS[1])
return 0

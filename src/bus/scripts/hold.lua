-- Says that a worker still works on what it has in hand, so that nobody takes it over.
-- A plain XCLAIM would take back what another has taken over meanwhile.
-- KEYS: stream
-- ARGV: group, consumer, entries...
for i = 3, #ARGV do
  local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
  if not pending.err and pending[1] and pending[1][2] == ARGV[2] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
  end
end

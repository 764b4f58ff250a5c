-- Which names a person would take for each other; it stands before the scripts that give names. protocol/lookalike.rs holds
-- the same rule.
local function skeleton(name)
  return (name:gsub('[I1]', 'l'):gsub('0', 'o'):lower():gsub('rn', 'm'):gsub('vv', 'w'))
end

local function looks_like(a, b)
  return a ~= b and (a:lower() == b:lower() or skeleton(a) == skeleton(b))
end

"""What Redis does for the bands: one script that claims, loads and forgets. The layout: ``bands_redis``."""

from __future__ import annotations

# KEYS: the epoch. ARGV: what to do, the prefix, the window's days to either side, the least bands in common,
# the most numbers of a band, the most candidates, and whether who was written down is told that it leads
# without another look (1); then six for each article: its id and checksum (20 bytes), its day, its keys (3
# bytes each), where they lie (26 characters each), the ids that were rejected (16 bytes each), and the mark
# of the answer that named them all, if there was one.
SCRIPT = """
if ARGV[1] == 'claim' and redis.call('EXISTS', KEYS[1]) == 0 then return false end
local prefix, window, least, most, looked_at = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]),
  tonumber(ARGV[5]), tonumber(ARGV[6])
local remembers = ARGV[7] == '1'
local NUMBER, ID, RECORD, FIELD, ENTRY, BITS = 4, 16, 20, 3, 7, 26
-- Entries of a bucket: as many as are aimed at; and the average at which more buckets are begun.
local AIM, FULL = 100, 160
-- Buckets of a day, as the power of two that they are: the first bits of a key are the bucket's name, since
-- to write a number down for each would take as long as to read the bucket.
local FEW, SMALL, MANY = 9, 14, BITS
local DAY, SPREAD = 86400, 3600
local TOGETHER = 16  -- buckets of one MGET: what does not fit into a buffer of 16 kB is copied once more
local NEVER = ('\\0'):rep(8)  -- the mark of a day on which nothing was written
local find, sub = string.find, string.sub
local today = math.floor(tonumber(redis.call('TIME')[1]) / DAY)
local markers = {}  -- of days; false where nothing was written

-- Where each aligned `size` bytes of a packed value begin with a word, in order.
local function places(packed, word, size)
  local found, at = {}, find(packed, word, 1, true)
  while at do
    local is_aligned = (at - 1) % size == 0
    if is_aligned then found[#found + 1] = at end
    at = find(packed, word, at + (is_aligned and size or 1), true)
  end
  return found
end

local function layer(day, power)
  return prefix .. day .. ':' .. power .. ':'
end

-- How the names of an article's buckets end; most days have layers of one size.
local function ends_of(one, power)
  if not one.ends_of[power] then
    local found, where, first = {}, one.where, 1
    for place = 1, one.bands do
      found[place] = sub(where, first, first + power - 1)
      first = first + BITS
    end
    one.ends_of[power] = found
  end
  return one.ends_of[power]
end

-- The names of an article's buckets in a layer.
local function buckets(one, day, power)
  local found, name = {}, layer(day, power)
  for place, ending in ipairs(ends_of(one, power)) do found[place] = name .. ending end
  return found
end

-- What lies in some buckets; false where there is none.
local function contents(names)
  local found = {}
  for first = 1, #names, TOGETHER do
    local last = math.min(#names, first + TOGETHER - 1)
    for turn, packed in ipairs(redis.call('MGET', unpack(names, first, last))) do
      found[first + turn - 1] = packed
    end
  end
  return found
end

local function named(day, power, number)  -- there are fewer buckets of names, as one article has many bands
  local count = 2 ^ math.max(0, power - 6)
  return layer(day, power) .. 'n' .. math.floor(struct.unpack('>I4', number) * count / 2 ^ 32)
end

local function records(day, power, number)
  local packed = redis.call('GET', named(day, power, number)) or ''
  local found = {}
  for _, at in ipairs(places(packed, number, RECORD)) do
    found[#found + 1] = packed:sub(at, at + RECORD - 1)
  end
  return found
end

local function marker(day)
  if markers[day] == nil then
    local found = redis.call('HMGET', prefix .. day, 'layers', 'held', 'total', 'last')
    markers[day] = found[1] and {layers = {}, held = tonumber(found[2]), total = tonumber(found[3]),
      last = found[4] or sub(NEVER, 1, NUMBER)}
    for power in (found[1] or ''):gmatch('%d+') do table.insert(markers[day].layers, tonumber(power)) end
  end
  return markers[day] or nil
end

local function is_written(one, mark)
  for _, power in ipairs(mark.layers) do
    for _, record in ipairs(records(one.day, power, one.number)) do
      if record == one.record then return true end
    end
  end
  return false
end

-- How often each number has a band of an article in a layer, and the numbers in the order in which they were
-- met. Most buckets have none: one look at those.
local function counted(one, day, power)
  local count, order = {}, {}
  for place, packed in ipairs(contents(buckets(one, day, power))) do
    local field = one.field[place]
    local at = packed and find(packed, field, 1, true)
    while at do
      local step = 1
      if (at - 1) % ENTRY == 0 then
        local number = sub(packed, at + FIELD, at + ENTRY - 1)
        if not count[number] then order[#order + 1] = number end
        count[number], step = (count[number] or 0) + 1, ENTRY
      end
      at = find(packed, field, at + step, true)
    end
  end
  return count, order
end

-- Who has enough bands in common with an article on some days: by how many, in the order of being met.
local function agreeing(one, marks, days)
  local by_bands, top = {}, 0
  for _, day in ipairs(days) do
    for _, power in ipairs(marks[day] and marks[day].layers or {}) do
      local count, order = counted(one, day, power)
      for _, number in ipairs(order) do
        local bands = count[number]
        if bands >= least then
          by_bands[bands] = by_bands[bands] or {}
          table.insert(by_bands[bands], {number = number, day = day, power = power})
          top = math.max(top, bands)
        end
      end
    end
  end
  return by_bands, top
end

local function candidates(one, marks, days)
  local by_bands, top = agreeing(one, marks, days)
  local known, left, seen = {[one.id] = true}, {}, 0
  for bands = top, least, -1 do
    for _, found in ipairs(by_bands[bands] or {}) do
      for _, record in ipairs(records(found.day, found.power, found.number)) do
        local id = record:sub(1, ID)
        if not known[id] and seen < looked_at then
          known[id], seen = true, seen + 1
          if not one.rejected[id] then left[#left + 1] = id end
        end
      end
      if seen >= looked_at then return table.concat(left) end
    end
  end
  return table.concat(left)
end

local function add(one, name, entry)
  if redis.call('APPEND', name, entry) == #entry then
    redis.call('EXPIREAT', name, one.ends)
  elseif today > one.day then
    redis.call('EXPIREAT', name, one.ends, 'GT')
  end
end

local function expected(one, marks)  -- buckets for as many articles as the fullest of the days about it has
  local total, power = 0, FEW
  for _, mark in pairs(marks) do total = math.max(total, mark.total) end
  while 2 ^ power * AIM < total * one.bands and power < MANY do power = power + 1 end
  return power
end

-- The layer that has room for one more; a day nobody expected grows fast as long as little is lost by it,
-- since each layer is one more look for every band.
local function room(one, marks)
  local mark = marks[one.day]
  local newest = mark and mark.layers[#mark.layers]
  if not mark then
    mark = {layers = {expected(one, marks)}, held = 0, total = 0}
    markers[one.day] = mark
  elseif mark.held * one.bands >= 2 ^ newest * FULL and newest < MANY then
    table.insert(mark.layers, math.min(MANY, newest + (newest < SMALL and 4 or 2)))
    mark.held = 0
  end
  mark.held, mark.total, mark.last = mark.held + 1, mark.total + 1, one.number
  redis.call('HSET', prefix .. one.day, 'layers', table.concat(mark.layers, ' '), 'held', mark.held,
    'total', mark.total, 'last', mark.last)
  redis.call('EXPIREAT', prefix .. one.day, one.over + SPREAD)
  return mark.layers[#mark.layers]
end

-- A band that is full lets go of its oldest: each number moves up one place, so that the order stays.
local function move_up(name, packed, found, number)
  for turn, at in ipairs(found) do
    local following = found[turn + 1]
    local new = following and packed:sub(following + FIELD, following + ENTRY - 1) or number
    redis.call('SETRANGE', name, at - 1 + FIELD, new)
  end
end

local function write(one, marks)
  local power = room(one, marks)
  add(one, named(one.day, power, one.number), one.record)
  local names = buckets(one, one.day, power)
  for place, packed in ipairs(contents(names)) do
    local field = one.field[place]
    local found = packed and places(packed, field, ENTRY) or {}
    local has = false
    for _, at in ipairs(found) do
      has = has or packed:sub(at + FIELD, at + ENTRY - 1) == one.number
    end
    if not has and #found < most then
      add(one, names[place], field .. one.number)
    elseif not has then
      move_up(names[place], packed, found, one.number)
    end
  end
end

local function cut(name, word, size)
  local packed = redis.call('GET', name)
  local found = packed and places(packed, word, size) or {}
  for turn = #found, 1, -1 do
    packed = packed:sub(1, found[turn] - 1) .. packed:sub(found[turn] + size)
  end
  if #found == 0 then return end
  if packed == '' then redis.call('DEL', name) else redis.call('SET', name, packed, 'KEEPTTL') end
end

local function forget(one, mark)
  for _, power in ipairs(mark.layers) do
    cut(named(one.day, power, one.number), one.id, RECORD)
    for place, name in ipairs(buckets(one, one.day, power)) do
      cut(name, one.field[place] .. one.number, ENTRY)
    end
  end
end

local function read(first)
  local record, keys, rejected = ARGV[first], ARGV[first + 2], ARGV[first + 4]
  local one = {record = record, id = record:sub(1, ID), number = record:sub(1, NUMBER),
    day = tonumber(ARGV[first + 1]), where = ARGV[first + 3], marked = ARGV[first + 5],
    bands = #keys / FIELD, field = {}, ends_of = {}, rejected = {}, rejections = #rejected / ID}
  for place = 1, one.bands do one.field[place] = keys:sub((place - 1) * FIELD + 1, place * FIELD) end
  -- The window is counted from the day, or from now when that is later. Not all of a day end at once, since
  -- there may be hundreds of thousands.
  one.over = (math.max(one.day, today) + window + 1) * DAY
  one.ends = one.over + struct.unpack('>I2', one.number) % SPREAD
  for at = 1, #rejected, ID do one.rejected[rejected:sub(at, at + ID - 1)] = true end
  return one
end

-- What tells of each day of the window whether anything was written: how much, and what came last. As long as
-- that is the same, so are its candidates; also a store that was lost and filled again is another.
local function written(one, marks)
  local told = {}
  for day = one.day - window, one.day + window do
    local mark = marks[day]
    told[#told + 1] = mark and struct.pack('>I4', mark.total) .. mark.last or NEVER
  end
  return table.concat(told)
end

local function days_of(one)
  local days = {}
  for day = one.day - window, one.day + window do days[#days + 1] = day end
  return days
end

-- Those of whom the answer that is marked tells nothing.
local function changed(one, told)
  local days = {}
  for turn, day in ipairs(days_of(one)) do
    local first, last = (turn - 1) * #NEVER + 1, turn * #NEVER
    if sub(one.marked, first, last) ~= sub(told, first, last) then days[#days + 1] = day end
  end
  return days
end

-- Whom an article has to be compared with yet. Who was found on days that are as they were is rejected: only
-- the other days are read, unless there may be more than are looked at. Then all days together tell who is.
local function unmet(one, marks, told)
  if one.marked == told then return '' end
  if one.marked ~= '' and one.rejections < looked_at then
    local found = candidates(one, marks, changed(one, told))
    if one.rejections + #found / ID < looked_at then return found end
  end
  return candidates(one, marks, days_of(one))
end

local function answer(one)
  if one.bands == 0 then return '' end
  local marks = {}
  for day = one.day - window, one.day + window do marks[day] = marker(day) end
  local own = marks[one.day]
  if ARGV[1] == 'forget' then
    if own then forget(one, own) end
    return ''
  end
  local has_record = own and is_written(one, own)
  if has_record and (remembers or ARGV[1] == 'load') then return '' end
  local told = written(one, marks)
  local left = ARGV[1] == 'claim' and unmet(one, marks, told) or ''
  if left ~= '' then return told .. left end
  if not has_record then write(one, marks) end
  return ''
end

local answers = {}
for first = 8, #ARGV, 6 do answers[#answers + 1] = answer(read(first)) end
return answers
"""

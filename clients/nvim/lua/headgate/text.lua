--- How texts, sizes and statuses look to people.
local M = {}

--- What is not seen, turns the direction of writing or looks like a blank, and the brackets that names of such stand in: code points, in order.
local UNSEEN = {
  { 0x0, 0x1f }, { 0x7f, 0xa0 }, { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x600, 0x605 }, { 0x61c, 0x61c }, { 0x6dd, 0x6dd }, { 0x70f, 0x70f },
  { 0x115f, 0x1160 }, { 0x1680, 0x1680 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x2000, 0x200f }, { 0x2028, 0x202f }, { 0x205f, 0x206f },
  { 0x27e8, 0x27e9 }, { 0x2800, 0x2800 }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xd800, 0xdfff }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 },
  { 0xfff0, 0xfffb }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
}
local NAMES = { [9] = 'TAB', [10] = 'LF', [13] = 'CR', [27] = 'ESC' }

local function named(point)
  return '⟨' .. (NAMES[point] or string.format('U+%04X', point)) .. '⟩'
end

--- A character as it is shown; `before` is the one in front of it. A selector of an emoji is none behind ASCII.
local function shown(found, before, tabs)
  if found == '\t' and not tabs then return '  ' end
  local point = #found == 1 and found:byte() or vim.fn.char2nr(found, true)
  if point >= 0xfe00 and point <= 0xfe0f and before:byte() and before:byte() < 128 then return named(point) end
  for _, range in ipairs(UNSEEN) do
    if point < range[1] then return found end
    if point <= range[2] then return named(point) end
  end
  return found
end

--- The lines of a text by the model or of a command, so that what is accepted is what is seen: two different texts never look the
--- same, and what would not be seen is named. `tabs` names tabs too, which are two blanks else.
function M.visible_lines(text, tabs)
  local lines = vim.split(text, '\n', { plain = true })
  for index, line in ipairs(lines) do
    local before = ''
    lines[index] = line:gsub('[%z\1-\127\194-\244][\128-\191]*', function(found)
      local name = shown(found, before, tabs)
      before = found
      return name
    end)
  end
  return lines
end

--- The same on one line.
function M.visible(text) return table.concat(M.visible_lines(tostring(text or ''), true), named(10)) end

--- `text` with every byte that is no UTF-8 replaced by `?`, so that it can be sent as JSON.
function M.utf8(text)
  local at, out = 1, {}
  while at <= #text do
    local plain = text:match('^[%z\1-\127]+', at)
    if plain then
      out[#out + 1] = plain
      at = at + #plain
    else
      local size = M.character_bytes(text, at)
      out[#out + 1] = size and text:sub(at, at + size - 1) or '?'
      at = at + (size or 1)
    end
  end
  return table.concat(out)
end

--- The length in bytes of the UTF-8 character at `at`, or nil when there is none.
function M.character_bytes(text, at)
  local lead, second = text:byte(at, at + 1)
  local size = lead < 128 and 1
    or lead >= 194 and lead < 224 and 2
    or lead >= 224 and lead < 240 and 3
    or lead >= 240 and lead < 245 and 4
  if not size then return nil end
  if (lead == 224 and (second or 0) < 160) or (lead == 237 and (second or 0) > 159) then return nil end
  if (lead == 240 and (second or 0) < 144) or (lead == 244 and (second or 0) > 143) then return nil end
  for index = at + 1, at + size - 1 do
    local continuation = text:byte(index)
    if not continuation or continuation < 128 or continuation > 191 then return nil end
  end
  return size
end

--- `980 B`, `1.5 KiB`, `12.0 MiB`.
function M.bytes(count)
  if count < 1024 then return count .. ' B' end
  for _, unit in ipairs({ 'KiB', 'MiB', 'GiB' }) do
    count = count / 1024
    if count < 1024 or unit == 'GiB' then return string.format('%.1f %s', count, unit) end
  end
end

--- `4.2 s`, `3 min 20 s`, `2 h 5 min`.
function M.duration(ms)
  if ms < 60000 then return string.format('%.1f s', ms / 1000) end
  local minutes = math.floor(ms / 60000)
  if minutes < 60 then return string.format('%d min %d s', minutes, math.floor(ms % 60000 / 1000)) end
  return string.format('%d h %d min', math.floor(minutes / 60), minutes % 60)
end

local WORDS = {
  [100] = 'queued',
  [102] = 'running',
  [200] = 'done',
  [202] = 'waiting',
  [403] = 'rejected',
  [499] = 'cancelled',
  [500] = 'failed',
}

--- `running (102)`.
function M.status(status) return WORDS[status] and string.format('%s (%d)', WORDS[status], status) or tostring(status) end

--- How a producer ended: `exit 0`, `ended by SIGKILL`, `cancelled`.
function M.ending(facts)
  if facts.status == 499 then return facts.outcome or 'cancelled' end
  if facts.outcome == 'timeout' then return 'timed out' end
  if facts.outcome == 'output_limit' then return 'wrote more than it may' end
  if facts.signal then return 'ended by ' .. facts.signal end
  if facts.exit_code then return 'exit ' .. facts.exit_code end
  return facts.outcome or (facts.status == 200 and 'done' or 'failed')
end

--- What a cancel has done, in a line.
function M.receipt(receipt)
  local signals = {}
  for _, sent in ipairs(receipt.signals) do
    signals[#signals + 1] = string.format('%s to %d', sent.signal, #sent.pids)
  end
  local parts = {
    'asked by ' .. M.visible(receipt.requestedBy),
    #signals > 0 and 'sent ' .. table.concat(signals, ', ') or 'no signal was needed',
    #receipt.confirmedDead .. ' confirmed dead',
  }
  if #receipt.escaped > 0 then parts[#parts + 1] = 'still running: pid ' .. table.concat(receipt.escaped, ', ') end
  return table.concat(parts, '; ')
end

return M

--- How texts, sizes and statuses look to people.
local M = {}

--- What is not seen, turns the direction of writing, looks like a blank or is another form of ASCII, and the brackets that names of such stand in: code points, in order.
local UNSEEN = {
  { 0x0, 0x1f }, { 0x7f, 0xa0 }, { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x600, 0x605 }, { 0x61c, 0x61c }, { 0x6dd, 0x6dd }, { 0x70f, 0x70f },
  { 0x115f, 0x1160 }, { 0x1680, 0x1680 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x2000, 0x200f }, { 0x2028, 0x202f }, { 0x205f, 0x206f },
  { 0x27e8, 0x27e9 }, { 0x2800, 0x2800 }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xd800, 0xdfff }, { 0xfeff, 0xfeff }, { 0xff01, 0xff5e },
  { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0x1d173, 0x1d17a }, { 0x1d400, 0x1d7ff }, { 0xe0000, 0xe0fff },
}
local NAMES = { [9] = 'TAB', [10] = 'LF', [13] = 'CR', [27] = 'ESC' }

local function named(point)
  return '⟨' .. (NAMES[point] or string.format('U+%04X', point)) .. '⟩'
end

--- A character as it is shown; `before` is the one in front of it. Behind ASCII a variation selector is an ordinary character.
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

--- Letters of Cyrillic, Greek and Armenian that look like one of ASCII; the same as in src/core/look-alikes.ts.
local ALIKE = {}
for letter in ('АВЕЅІЈКМНОРСТУХаеѕіјорсухԁԛԜԝһӏѵΑΒΕΖΗΙΚΜΝΟΡΤΥΧνορυικαϲϳհոսօցԼՍՏ'):gmatch('[\194-\244][\128-\191]*') do
  ALIKE[letter] = true
end
local CHARACTER = '[%z\1-\127\194-\244][\128-\191]*'
--- Blanks that put what is behind them out of sight.
local MANY_BLANKS = 200

--- Whether a character that is not ASCII is a letter: one of a word, and no sign or picture.
local function is_letter(character)
  local point = vim.fn.char2nr(character, true)
  return point < 0x1f000 and not (point >= 0x2000 and point < 0x2c00) and vim.fn.match(character, '\\k') == 0
end

--- Whether some letter of a text is evidently of another alphabet.
local function is_foreign(text)
  for character in text:gmatch('[\194-\244][\128-\191]*') do
    if not ALIKE[character] and is_letter(character) then return true end
  end
  return false
end

--- A line with letters named that look like those of ASCII: in a word that has both, and, when `alone`, in a word of nothing else.
local function name_look_alikes(line, alone)
  local out, word = {}, { ascii = false, alike = false, other = false }
  local function put()
    local name = word.alike and (word.ascii or (alone and not word.other))
    for _, character in ipairs(word) do
      out[#out + 1] = name and ALIKE[character] and named(vim.fn.char2nr(character, true)) or character
    end
    word = { ascii = false, alike = false, other = false }
  end
  for character in line:gmatch(CHARACTER) do
    local ascii = #character == 1
    if ascii and character:match('[%w_]') or not ascii and is_letter(character) then
      word[#word + 1] = character
      word.ascii = word.ascii or character:match('%a') ~= nil
      word.alike = word.alike or ALIKE[character] == true
      word.other = word.other or not ascii and not ALIKE[character]
    else
      put()
      out[#out + 1] = character
    end
  end
  put()
  return table.concat(out)
end

--- A line with many blanks in a row counted.
local function count_blanks(line)
  return (line:gsub(' +', function(blanks)
    return #blanks >= MANY_BLANKS and string.format('⟨SPACE×%d⟩', #blanks) or blanks
  end))
end

--- The lines of a text by the model or of a command, so that what is accepted is what is seen: two different texts never look the
--- same, and what would not be seen, or be taken for a letter of ASCII, is named. `tabs` names tabs too, which are two blanks else.
function M.visible_lines(text, tabs)
  local lines = vim.split(text, '\n', { plain = true })
  local alone = not is_foreign(text)
  for index, line in ipairs(lines) do
    local before = ''
    local marked = line:gsub(CHARACTER, function(found)
      local name = shown(found, before, tabs)
      before = found
      return name
    end)
    lines[index] = count_blanks(marked:find('[\194-\244]') and name_look_alikes(marked, alone) or marked)
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

local OUTCOMES = {
  timeout = 'timed out',
  output_limit = 'wrote more than it may',
  lifetime = 'ran for longer without its server than it may',
}

local function present(value)
  if value ~= vim.NIL then return value end
end

local function outcome_word(outcome) return OUTCOMES[outcome] or (M.visible(outcome):gsub('_', ' ')) end

--- How an action ended, in the words that every client shows: `exit 0`, `ended by SIGKILL`, `timed out`, `cancelled`.
function M.ending(facts)
  local outcome, code, signal = present(facts.outcome), present(facts.exit_code), present(facts.signal)
  local named, value = (outcome or ''):match('^([^:]*):?([^:]*)')
  local exit = named == 'exit' and value or code
  local by = named == 'signal' and value or signal
  local process = by and 'ended by ' .. M.visible(by) or exit and string.format('exit %s', exit) or nil
  if facts.status == 200 then return process or (outcome and outcome_word(outcome) or 'done') end
  if facts.status == 403 or facts.status == 499 then
    return outcome and outcome_word(outcome) or facts.status == 403 and 'rejected' or 'cancelled'
  end
  if facts.status == 409 then return 'not done' end
  if not outcome or named == 'exit' or named == 'signal' then return process or 'failed' end
  -- The signal or code of a command that the server ended is the server's doing, and says nothing more.
  local word = outcome_word(outcome)
  return not OUTCOMES[outcome] and code and word .. ', ' .. process or word
end

--- How a loop of a run ended: `done (200)`, `failed (500), no provider`.
function M.run_ending(state)
  return M.status(state.status) .. (present(state.outcome) and ', ' .. M.ending(state) or '')
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

/**
 * The parameters of SGR (ECMA-48) that give a text the looks of a cell, without blinking and hiding; '' for plain text.
 *
 * @param {import('@xterm/headless').IBufferCell} cell
 * @returns {string}
 */
export function looksOf(cell) {
  const codes = [
    cell.isBold() && 1,
    cell.isDim() && 2,
    cell.isItalic() && 3,
    cell.isUnderline() && 4,
    cell.isInverse() && 7,
    cell.isStrikethrough() && 9,
    !cell.isFgDefault() && colour(cell.getFgColor(), cell.isFgRGB(), 30),
    !cell.isBgDefault() && colour(cell.getBgColor(), cell.isBgRGB(), 40),
  ];
  return codes.filter((code) => code !== false && code !== 0).join(';');
}

/**
 * @param {number} value
 * @param {boolean} isRgb
 * @param {number} base 30 for what is written and 40 for its ground
 */
function colour(value, isRgb, base) {
  if (isRgb) return `${base + 8};2;${(value >> 16) & 255};${(value >> 8) & 255};${value & 255}`;
  if (value < 16) return String(value < 8 ? base + value : base + 52 + value);
  return `${base + 8};5;${value}`;
}

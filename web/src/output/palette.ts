/** The 16 colours of a terminal, for a light and for a dark background; both are legible on it. */
export const LIGHT = [
  '#24292f',
  '#b3202c',
  '#11662f',
  '#8a5a00',
  '#0550ae',
  '#8250df',
  '#0d6b75',
  '#57606a',
  '#57606a',
  '#d1242f',
  '#1a7f37',
  '#9a6700',
  '#0969da',
  '#864aec',
  '#1b7c83',
  '#32383f',
] as const;

export const DARK = [
  '#7f8893',
  '#ff7b72',
  '#56d364',
  '#e3b341',
  '#79c0ff',
  '#d2a8ff',
  '#56d4dd',
  '#c9d1d9',
  '#8b949e',
  '#ffa198',
  '#7ee787',
  '#f2cc60',
  '#a5d6ff',
  '#e2c5ff',
  '#b3f0ff',
  '#f0f6fc',
] as const;

/** The least contrast of text and ground that is legible (WCAG 2.2, 1.4.3). */
export const LEGIBLE = 4.5;

/** Text of one of the 16 colours, or of the page's own, on a ground of one of them: black or white where it would not be legible in that theme. */
export function legibleOn(ground: number, text: number | undefined): string {
  const [light, dark] = [LIGHT, DARK].map((colours) => {
    const [below = '#000000', above = ''] = [colours[ground], text === undefined ? '' : colours[text]];
    if (above !== '' && contrast(above, below) >= LEGIBLE) return above;
    return contrast('#000000', below) >= contrast('#ffffff', below) ? '#000000' : '#ffffff';
  });
  return `light-dark(${light}, ${dark})`;
}

/** Contrast of two colours such as #24292f, from 1 to 21 (WCAG 2.2). */
export function contrast(one: string, other: string): number {
  const [lighter = 0, darker = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** A command that is to look like another one, and what nobody who decides on it may miss. */
export interface Deceptive {
  readonly name: string;
  readonly command: string;
  /** What is to be seen of it on one line. */
  readonly line: string;
  /** The same where lines are lines. */
  readonly lines?: readonly string[];
}

/** What a model could propose so that somebody takes it for something else; the first two, for example, for each other. */
export const DECEPTIVE: readonly Deceptive[] = [
  { name: 'a line feed', command: 'echo done\nrm -rf x', line: 'echo done⟨LF⟩rm -rf x', lines: ['echo done', 'rm -rf x'] },
  { name: 'a backslash and an n', command: 'echo done\\nrm -rf x', line: 'echo done\\nrm -rf x' },
  { name: 'the name of a line feed', command: 'echo done⟨LF⟩rm -rf x', line: 'echo done⟨U+27E8⟩LF⟨U+27E9⟩rm -rf x' },
  { name: 'a carriage return', command: 'rm -rf x\recho done', line: 'rm -rf x⟨CR⟩echo done' },
  { name: 'letters that run backwards', command: 'echo \u202ex fr- mr; rm -rf x', line: 'echo ⟨U+202E⟩x fr- mr; rm -rf x' },
  { name: 'a letter without a width', command: 'rm -rf x\u200b', line: 'rm -rf x⟨U+200B⟩' },
  { name: 'a letter of another alphabet', command: 'rm -rf \u0445', line: 'rm -rf ⟨U+0445⟩' },
  { name: 'another form of a letter', command: 'rm -rf \uff58', line: 'rm -rf ⟨U+FF58⟩' },
  { name: 'sequences for a terminal', command: 'rm -rf x\u001b[2K\u001b[1Gecho done', line: 'rm -rf x⟨ESC⟩[2K⟨ESC⟩[1Gecho done' },
  { name: 'blanks up to where nobody looks', command: `echo done${' '.repeat(4096)}; rm -rf x`, line: 'echo done⟨SPACE×4096⟩; rm -rf x' },
  { name: 'what nothing is hidden in', command: 'rm -rf x', line: 'rm -rf x' },
];

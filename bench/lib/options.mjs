import { parseArgs } from 'node:util';

const MIB = 1024 * 1024;
const SOAK_BYTES = 10 * 1024 * MIB;
const QUICK_SOAK_BYTES = 512 * MIB;

/** What the command line asks for; throws with what it may ask for. `reduced` is true when the outcome is not one to record. */
export function parseOptions(args, names) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      runs: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      'soak-bytes': { type: 'string' },
      codex: { type: 'boolean', default: false },
      'codex-from': { type: 'string' },
      profile: { type: 'boolean', default: false },
    },
  });
  const { quick, only, profile } = values;
  for (const name of only) if (!names.includes(name)) throw new Error(`there is no ${name}; there are: ${names.join(', ')}`);
  if (profile && only.length > 0) throw new Error('--profile goes without --only: it measures no result');
  return {
    quick,
    only,
    runs: wholeNumber('--runs', values.runs, quick ? 2 : 5),
    soakBytes: wholeNumber('--soak-bytes', values['soak-bytes'], quick ? QUICK_SOAK_BYTES : SOAK_BYTES),
    wantsCodex: values.codex || values['codex-from'] !== undefined,
    codexFrom: values['codex-from'],
    profileOnly: profile,
    reduced: quick || only.length > 0 || values['soak-bytes'] !== undefined,
  };
}

function wholeNumber(name, given, otherwise) {
  const number = given === undefined ? otherwise : Number(given);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`${name} takes a whole number from 1`);
  return number;
}

import type { ClosedFact } from '../../model/ports/backend.ts';
import { signalOfExitCode } from '../../model/signals.ts';

/**
 * What copiers that did not end by themselves have done to the output (SPEC {#copiers}): `cut` for ClosedFact, nothing when all is there.
 * `codes`: the exit code of each channel's copier, channel 1 first; undefined when the shim was killed before it could say.
 */
export function cutBy(codes: readonly number[] | undefined): Pick<ClosedFact, 'cut'> {
  const failed = (codes ?? []).flatMap((code, index) => (code === 0 ? [] : [{ channel: index + 1, code }]));
  if (failed.length === 0) return {};
  const how = (code: number): string =>
    code > 128
      ? `the process that copied it was killed (${signalOfExitCode(code) ?? `exit ${code}`})`
      : `the process that copied it failed (exit ${code}), as it does when the disk of the data folder is full`;
  return { cut: failed.map(({ channel, code }) => `the end of channel ${channel} is missing: ${how(code)}`).join('; ') };
}

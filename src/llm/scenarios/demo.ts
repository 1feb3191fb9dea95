import type { Scenario } from '../scenario.ts';

/** About four seconds of output on both channels, ending in a figure. */
const COUNT = `total=0
for batch in 1 2 3 4 5 6 7 8; do
  total=$((total + batch * batch))
  echo "batch $batch of 8 measured, sum so far $total"
  if [ $((batch % 3)) -eq 0 ]; then echo "note: batch $batch was slow" >&2; fi
  sleep 0.5
done
echo "total $total"`;

/** Long enough for a person to cancel it. */
const WATCH = `n=0
while [ $n -lt 120 ]; do
  n=$((n + 1))
  echo "watching, tick $n"
  sleep 0.5
done`;

/** The demonstration: look around, measure, watch until a person cancels it, and quote the figure measured. */
export const demo: Scenario = {
  steps: [
    {
      say: 'First I look around.',
      calls: [{ tool: 'env', input: { command: 'uname -sr; pwd; ls -a' } }],
    },
    {
      say: 'Now I measure eight batches. This takes about four seconds.',
      calls: [{ tool: 'sh', input: { command: COUNT, yield_ms: 60_000 } }],
    },
    {
      say: 'I watch for a while, until a client stops me.',
      calls: [{ tool: 'sh', input: { command: WATCH, yield_ms: 120_000 } }],
    },
    { say: 'The eight batches add up to {{match:/^total (\\d+)$/m}}; the watching was ended before its time.' },
  ],
};

import type { Plugin } from '../../hooks/plugin.ts';
import type { KillReceipt } from '../../model/records.ts';

const DOC = `Ends a command that you started and that runs in the background, with everything that it started: TERM first, KILL two seconds later.
The answer says what was confirmed dead.

\`\`\`json
{"path": "log://turn_1/sh/npm-run-dev", "reason": "not needed any more"}
\`\`\`
`;

/** The tool `cancel` (SPEC {#tool_cancel}). */
export const cancel: Plugin = {
  name: 'cancel',
  setup({ tool, z }) {
    tool({
      name: 'cancel',
      doc: DOC,
      modes: ['act'],
      params: z.strictObject({
        path: z.string().min(1).max(512).describe("The command's log entry."),
        reason: z.string().max(1000).optional().describe('For the receipt.'),
      }),
      summary: ({ path }) => `end ${path}`,
      async handler({ path, reason }, { commands }) {
        return { kind: 'done', body: receiptText(path, await commands.cancel(path, reason ?? null)) };
      },
    });
  },
};

/** A receipt in words. */
function receiptText(path: string, receipt: KillReceipt): string {
  const { requestedBy, signals, confirmedDead, escaped, finishedAt } = receipt;
  const who = requestedBy === 'model' ? '' : ` by ${requestedBy}, who was faster`;
  const sent = signals.map(({ signal, pids }) => `${signal} to ${pids.length}`).join(', then ');
  const facts = [
    signals.length === 0 ? 'nothing of it was running any more' : `sent ${sent} of its processes`,
    ...(confirmedDead.length > 0 ? [`${confirmedDead.length} confirmed dead`] : []),
    ...(escaped.length > 0 ? [`${escaped.length} still alive: ${escaped.join(', ')}`] : []),
    ...(finishedAt === null ? ['the kill is still under way'] : []),
  ];
  return `${path} was cancelled${who}: ${facts.join('; ')}.`;
}

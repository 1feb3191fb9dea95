import type { AgentContext, SessionNotification } from '@agentclientprotocol/sdk';
import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../src/acp/client-traits.ts';
import { Outlet } from '../../../src/acp/outlet.ts';
import { Words } from '../../../src/acp/words.ts';

/** Words, and what an editor has got of them. */
function words() {
  const got: string[] = [];
  const notify = async (_: string, { update }: SessionNotification) => {
    if (update.sessionUpdate === 'agent_message_chunk' && update.content.type === 'text') got.push(update.content.text);
  };
  return { said: new Words(new Outlet({ notify } as unknown as AgentContext, traitsOf(undefined), 's')), got };
}

describe('{#acp_text} what a model says', () => {
  it('comes in pieces, and the whole text adds only what is missing', async () => {
    const { said, got } = words();
    await said.piece({ turn: 1, offset: 0, text: 'fün' });
    await said.piece({ turn: 1, offset: 4, text: 'f ' });
    await said.whole(1, 'fünf Uhr');
    await said.whole(1, 'fünf Uhr');
    await said.piece({ turn: 1, offset: 6, text: 'Uhr' });
    expect(got).toEqual(['fün', 'f ', 'Uhr']);
  });

  it('is not sent in pieces behind one that was missed', async () => {
    const { said, got } = words();
    await said.piece({ turn: 2, offset: 3, text: 'def' });
    await said.piece({ turn: 2, offset: 6, text: 'ghi' });
    await said.whole(2, 'abcdefghi');
    expect(got).toEqual(['abcdefghi']);
  });

  it('that another attempt began again is told whole, behind what cannot be taken back', async () => {
    const { said, got } = words();
    await said.piece({ turn: 3, offset: 0, text: 'The answer is' });
    await said.piece({ turn: 3, offset: 0, text: 'Let me see' });
    await said.whole(3, 'Let me see.');
    expect(got).toEqual(['The answer is', '\n\nLet me see.']);
  });

  it('is not repeated by the result of its turn, whenever that comes', async () => {
    const { said, got } = words();
    await said.whole(1, 'one');
    await said.whole(2, 'two');
    await said.say(1, 'one', 'turn_1_result');
    await said.say(2, 'something else', 'turn_2_result');
    expect(got).toEqual(['one', 'two', 'something else']);
  });
});

import { z } from 'zod';
import { method } from './method.ts';
import { empty, persona, run } from './shapes.ts';

const name = z.string().min(1).max(64);

const guide = z.strictObject({
  name: z.string(),
  description: z.string(),
  source: z.enum(['project', 'user']),
  file: z.string().describe('Absolute path of its Markdown file.'),
  problem: z.string().optional().describe('Why it cannot be used.'),
});

const attachedSkill = z.strictObject({
  name: z.string(),
  description: z.string(),
  path: z.string().describe('The entry with its text, skill://name.'),
  bytes: z.int(),
  turn: z.int().describe('Turn in which it was attached.'),
});

/** Skills and personas (SPEC {#skills} {#personas}). */
export const guideMethods = {
  listSkills: method({ params: empty, result: z.array(guide), init: true, scope: 'read', summary: 'Skills that can be attached.' }),
  getSkills: method({
    params: z.strictObject({ run }),
    result: z.array(attachedSkill),
    init: true,
    scope: 'read',
    summary: 'Skills attached to a run.',
  }),
  'skill/add': method({
    params: z.strictObject({ run, name }),
    result: z.strictObject({ run: z.string(), path: z.string() }),
    init: true,
    scope: 'run',
    summary: 'Attaches a skill to a run; one that is attached already gets its present text.',
  }),
  'skill/remove': method({
    params: z.strictObject({ run, name }),
    result: z.strictObject({ run: z.string(), path: z.string() }),
    init: true,
    scope: 'run',
    summary: 'Detaches a skill.',
  }),
  listPersonas: method({ params: empty, result: z.array(guide), init: true, scope: 'read', summary: 'Personas that can be set.' }),
  'persona/set': method({
    params: z.strictObject({ run, name: name.optional(), text: persona.optional() }),
    result: z.strictObject({ run: z.string(), persona: z.string().nullable() }),
    init: true,
    scope: 'run',
    summary: "Sets the run's persona for later loops, by name or as a text; with neither it has none.",
  }),
};

import type { Kysely } from 'kysely';
import * as initial from './0001_initial.ts';
import * as upkeep from './0002_upkeep.ts';
import * as runners from './0003_runners.ts';
import * as boots from './0004_boots.ts';
import * as fleet from './0005_fleet.ts';
import * as packets from './0006_packets.ts';
import * as dialect from './0007_dialect.ts';
import * as changedFiles from './0008_changed_files.ts';
import * as policy from './0009_policy.ts';
import * as dataFolder from './0010_data_folder.ts';
import * as leftovers from './0011_leftovers.ts';
import * as ruleFolder from './0012_rule_folder.ts';
import * as tokenBounds from './0013_token_bounds.ts';
import * as runCopies from './0014_run_copies.ts';
import * as ownRuns from './0015_own_runs.ts';
import * as tokenUse from './0016_token_use.ts';
import * as channelFiles from './0017_channel_files.ts';
import * as agents from './0018_agents.ts';

/** One step of the schema: the SQL that `up` emits, frozen once it has landed. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly up: (db: Kysely<unknown>) => Promise<void>;
}

/** Every migration, in the order of its number. */
export const MIGRATIONS: readonly Migration[] = [
  { number: 1, name: 'initial', up: initial.up },
  { number: 2, name: 'upkeep', up: upkeep.up },
  { number: 3, name: 'runners', up: runners.up },
  { number: 4, name: 'boots', up: boots.up },
  { number: 5, name: 'fleet', up: fleet.up },
  { number: 6, name: 'packets', up: packets.up },
  { number: 7, name: 'dialect', up: dialect.up },
  { number: 8, name: 'changed_files', up: changedFiles.up },
  { number: 9, name: 'policy', up: policy.up },
  { number: 10, name: 'data_folder', up: dataFolder.up },
  { number: 11, name: 'leftovers', up: leftovers.up },
  { number: 12, name: 'rule_folder', up: ruleFolder.up },
  { number: 13, name: 'token_bounds', up: tokenBounds.up },
  { number: 14, name: 'run_copies', up: runCopies.up },
  { number: 15, name: 'own_runs', up: ownRuns.up },
  { number: 16, name: 'token_use', up: tokenUse.up },
  { number: 17, name: 'channel_files', up: channelFiles.up },
  { number: 18, name: 'agents', up: agents.up },
];

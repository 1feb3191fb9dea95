/** What a data folder owns under one name. What is not named here is of the server that runs, and made again by the next one. */
interface DataPart {
  readonly name: string;
  /** In a backup (SPEC {#backup}): `database`, as it was at one moment, `files`, the folder of what it names, or `file`, as it is where there is one. */
  readonly backup?: 'database' | 'files' | 'file';
  /** Speaks of commands of this folder, which a copy leaves to its original (SPEC {#data_copy}). */
  readonly ofCommands?: true;
}

/** The folder of the files of long channels (SPEC {#channel_files}). */
export const CHANNELS = 'channels';

/** The one list of what belongs to a backup and what a copy leaves to its original. */
export const DATA_PARTS: readonly DataPart[] = [
  { name: 'headgate.db', backup: 'database' },
  { name: CHANNELS, backup: 'files' },
  { name: 'token', backup: 'file' },
  { name: 'providers.json', backup: 'file' },
  { name: 'producers', ofCommands: true },
  { name: 'containers', ofCommands: true },
  { name: 'hosts', ofCommands: true },
  { name: 'runner-id', ofCommands: true },
];

/** Says when the last backup of a data folder was made, and where it is. */
export const LAST_BACKUP = 'last-backup.json';

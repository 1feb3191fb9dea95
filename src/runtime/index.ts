export { emptyConfig, loadConfig, type ServerConfig } from './config.ts';
export { createRuntime, type RuntimeOptions } from './create.ts';
export { deleteRun } from './delete-run.ts';
export { DiskNotices } from './disk-notices.ts';
export type { Caller } from './parts.ts';
export { pathMatcher } from './path-pattern.ts';
export type { PluginInfo } from './plugin-host.ts';

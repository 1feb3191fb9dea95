import { readFileSync, statSync } from 'node:fs';
import { systemClock } from '../core/clock.ts';
import { formatDuration } from '../core/measures.ts';
import { visibleLine } from '../core/visible-text.ts';
import type { Finding } from '../store/index.ts';
import type { DataPaths } from './server-files.ts';

/** How far in the future the last change may be before it is the clock that is wrong (milliseconds). */
const AHEAD_MS = 60_000;

/** What `server.json` says of how the server was started. */
interface Started {
  readonly version?: string;
  readonly publicUrl?: string;
  readonly allowedOrigins?: readonly string[];
  readonly trustedProxies?: readonly string[];
}

/** What is to be said of a server that runs: its version beside that of this program, and the proxy in front of it (SPEC {#cli_doctor}). */
export function examineInstallation({ record }: DataPaths, version: string): Finding[] {
  let started: Started;
  try {
    started = { ...(JSON.parse(readFileSync(record, 'utf8')) as Started) };
  } catch {
    return [];
  }
  return [...versions(started, version), ...proxy(started)];
}

function versions({ version: runs }: Started, version: string): Finding[] {
  if (runs === undefined) return [];
  if (runs === version) return [{ name: 'version', state: 'ok', detail: version }];
  const detail = `the server is ${visibleLine(runs)} and this program ${version}; start the server again to upgrade it, commands go on meanwhile`;
  return [{ name: 'version', state: 'note', detail }];
}

function proxy({ publicUrl, allowedOrigins = [], trustedProxies = [] }: Started): Finding[] {
  if (publicUrl === undefined && allowedOrigins.length === 0 && trustedProxies.length === 0) return [];
  const name = 'proxy';
  const url = publicUrl === undefined ? undefined : new URL(publicUrl);
  const findings: Finding[] = allowedOrigins
    .filter((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin)
    .map((origin) => ({
      name,
      state: 'bad',
      detail: `--allow-origin ${visibleLine(origin)} matches no page: an origin is a scheme, a host and a port, without a path`,
    }));
  if (url?.protocol === 'http:')
    findings.push({ name, state: 'bad', detail: `--public-url ${url.href} is not https, so tokens travel unencrypted` });
  if (url === undefined && trustedProxies.length > 0)
    findings.push({
      name,
      state: 'note',
      detail: '--trusted-proxy without --public-url: a proxy that passes the Host of its client on is refused',
    });
  if (url !== undefined && trustedProxies.length === 0)
    findings.push({
      name,
      state: 'note',
      detail: "--public-url without --trusted-proxy: limits and the log of decisions see the proxy's address in place of the client's",
    });
  if (findings.length > 0) return findings;
  const trusted = trustedProxies.length === 0 ? '' : `, behind ${trustedProxies.join(', ')}`;
  return [{ name, state: 'ok', detail: url === undefined ? `pages of ${allowedOrigins.join(', ')} may connect` : `${url.href}${trusted}` }];
}

/** Whether the clock was set back: then expiry, retention and the age of backups are wrong (SPEC {#cli_doctor}). */
export function examineClock({ database }: DataPaths): Finding {
  const changes = [database, `${database}-wal`].map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  const aheadMs = Math.max(...changes) - systemClock.now();
  if (aheadMs <= AHEAD_MS) return { name: 'clock', state: 'ok', detail: new Date(systemClock.now()).toISOString() };
  const detail = `the clock is ${formatDuration(aheadMs)} behind the last change of the data; set it right, since expiry of tokens and retention go by it`;
  return { name: 'clock', state: 'bad', detail };
}

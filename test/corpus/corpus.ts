import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** An output and what a reader of its digest has to learn from it. */
export interface CorpusItem {
  readonly name: string;
  /** Captured under a terminal of this size. */
  readonly size?: { readonly cols: number; readonly rows: number };
  /** Texts that the digest has to contain. */
  readonly facts: readonly string[];
  readonly bytes: () => Buffer;
}

const TERMINAL = { cols: 100, rows: 30 };

/** Captured with real tools, paths and hosts replaced by neutral ones. */
const PIPED: Readonly<Record<string, readonly string[]>> = {
  'curl-404': ['curl: (22) The requested URL returned error: 404'],
  'dpkg-log': ['status installed libc-bin:amd64 2.36-9+deb12u14'],
  elf: ['an ELF program', '7f 45 4c 46'],
  'gcc-errors': [
    'bad.cpp:11:15: error: invalid conversion from ‘const char*’ to ‘int’',
    'bad.cpp:12:10: error: ‘undeclared_total’ was not declared in this scope',
    'In function ‘int main()’',
  ],
  'git-diff': ['diff --git a/src/hooks/plugin.ts b/src/hooks/plugin.ts'],
  'git-status': ['nothing to commit, working tree clean'],
  'grep-rn': ['clone/src/model/selector.ts:16:  readonly name?: string;'],
  'java-trace': [
    'Exception in thread "main" java.lang.IllegalStateException: ledger is closed',
    'Caused by: java.io.IOException: disk quota exceeded',
    'at Main.deep(Main.java:1)',
    'INFO posted entry 799',
  ],
  'link-error': ['undefined reference to `missing_symbol', 'ld returned 1 exit status'],
  'ls-lr': ['clone/src:', 'tty-server.json'],
  'make-j': [
    'f151.c:1:24: error: ‘hidden_total’ undeclared',
    'warning: control reaches end of non-void function',
    'make: *** [Makefile:5: f151.o] Error 1',
    "Target 'all' not remade because of errors",
  ],
  minified: ['more characters'],
  'mocha-fail': ['rounds the total to cents', '320 passing', '1 failing', 'AssertionError', '-  "total": 10.01', '+  "total": 10.02'],
  'node-test': ['not ok 151 - keeps the order of columns', '# pass 300', '# fail 1', 'ERR_ASSERTION'],
  'node-trace': ["TypeError: Cannot read properties of undefined (reading 'number')", 'at charge (', 'GET /orders/1499 200'],
  'npm-404': ['npm error code E404', "'this-package-does-not-exist-xyzzy-1@*' could not be found"],
  'npm-verbose': ['added 166 packages in 4s'],
  'pytest-fail': [
    'test_discount_is_capped FAILED',
    'AssertionError: discount above the cap',
    'assert (100 * (1 - 0.35)) == 70',
    'test_math.py:7: AssertionError',
    'FileNotFoundError: [Errno 2] No such file or directory',
    '2 failed, 500 passed',
  ],
  'pytest-pass': ['500 passed'],
  'python-trace': [
    'Traceback (most recent call last)',
    'json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)',
    'in load',
    'loaded record 2999 of 3000',
  ],
  segfault: ['Segmentation fault', 'exit code 139', 'step 399 ok'],
  strace: ['/nonexistent/config.json', '+++ exited with 1 +++'],
  'tar-v': ['clone/docs/errors.md'],
  'tsc-errors': [
    "prices.ts(1,14): error TS2322: Type 'number' is not assignable to type 'string'.",
    "prices.ts(401,53): error TS2551: Property 'toFixd' does not exist on type 'number'. Did you mean 'toFixed'?",
  ],
  'vitest-fail': [
    'FAIL  a.test.js > invoice > adds tax once',
    'AssertionError: expected { net: 100, tax: 19 } to deeply equal { net: 100, tax: 38 }',
    '-   "tax": 38,',
    '+   "tax": 19,',
    'a.test.js:2:147',
    '1 failed | 300 passed (301)',
  ],
  'vitest-pass': ['200 passed', '101 skipped'],
  wget: ['saved [40000000/40000000]', '100%'],
};

const UNDER_TERMINAL: Readonly<Record<string, readonly string[]>> = {
  'apt-install': ['2 upgraded, 0 newly installed, 1 reinstalled', 'Setting up jq'],
  'cargo-error': ['error: failed to get `regex` as a dependency of package `demo v0.1.0', 'Could not resolve host'],
  curl: ['100 38.1M  100 38.1M', '6470k'],
  'curl-bar': ['100.0%'],
  dd: ['3000+0 records in', '3145728000 bytes (3.1 GB, 2.9 GiB) copied, 27.5089 s, 114 MB/s'],
  ffmpeg: ["Output #0, mp4, to 'out.mp4'", 'kb/s:46.49', 'libx264'],
  'git-clone': ["Cloning into 'clone'...", 'Receiving objects: 100% (4757/4757)', 'Resolving deltas: 100% (3269/3269), done.'],
  'git-diff-color': ['diff --git a/src/hooks/plugin.ts b/src/hooks/plugin.ts'],
  'npm-install': ['added 466 packages in 24s', '@parcel/watcher@2.6.0'],
  'pip-install': ['Successfully installed numpy-2.4.6 pandas-3.0.6'],
  'pytest-pass-verbose': ['test_math.py::test_root[199] PASSED', '500 passed'],
  rsync: ['2,972,066 100%', 'to-chk=0/754'],
  'rsync-progress': ['60,000,000 100%', 'to-chk=0/1'],
  top: ['load average: 0.60, 0.34, 0.20', 'MiB Mem :  24105.6 total', '1 root      20   0   54516'],
  'tsc-pretty': [
    "error TS2322: Type 'number' is not assignable to type 'string'.",
    "error TS2551: Property 'toFixd' does not exist on type 'number'",
    'Found 101 errors in the same file',
  ],
  'vitest-pty': [
    'FAIL  a.test.js > invoice > adds tax once',
    'AssertionError: expected { net: 100, tax: 19 } to deeply equal { net: 100, tax: 38 }',
    '1 failed | 300 passed (301)',
  ],
  'wget-pty': ['saved [40000000/40000000]', '100%'],
};

/** What `docker pull` writes to a terminal: a row a layer, drawn again and again with the cursor moved up. */
function dockerPull(): Buffer {
  const layers = ['4f4fb700ef54', '9d21b12d5fab', 'c6a83fedfae6', 'e1acddbe380c', '50f8c2a1d4b7'];
  const parts = ['latest: Pulling from library/database\r\n', ...layers.map((layer) => `${layer}: Pulling fs layer\r\n`)];
  for (let step = 0; step <= 300; step++) {
    const layer = layers[step % layers.length] as string;
    const up = layers.length - layers.indexOf(layer);
    const done = step > 300 - layers.length;
    const state = done ? 'Pull complete' : `Downloading [${'='.repeat(step / 10)}>] ${step}MB/300MB`;
    parts.push(`\u001b[${up}A\u001b[2K\r${layer}: ${state}\r\u001b[${up}B`);
  }
  parts.push('Digest: sha256:0f1e2d3c\r\nStatus: Downloaded newer image for database:latest\r\n');
  return Buffer.from(parts.join(''));
}

/** What a full-screen editor leaves: the alternate screen, drawn and given back. */
function editor(): Buffer {
  const draw = (row: number, text: string) => `\u001b[${row};1H\u001b[K${text}`;
  const frames = Array.from(
    { length: 80 },
    (_, frame) => draw(1, 'title: notes') + draw(2, `line ${frame}`) + draw(30, `"notes.txt" ${frame}L written`),
  );
  return Buffer.from(`before\r\n\u001b[?1049h\u001b[2J${frames.join('')}\u001b[?1049lafter\r\n`);
}

/** A long log with one error in its middle, and what the middle of it is worth. */
export const LONG_LOG = {
  bytes: 100 * 1024 * 1024,
  error: 'ledger: fatal: journal 7731 is torn at offset 52428800',
  line: (index: number) =>
    `2031-05-04T10:${String(index % 60).padStart(2, '0')}:00Z info request ${index} of tenant ${index % 97} served in ${index % 31} ms\n`,
};

export function corpus(): CorpusItem[] {
  const captured = (name: string) => () => gunzipSync(readFileSync(new URL(`./captures/${name}.gz`, import.meta.url)));
  return [
    ...Object.entries(PIPED).map(([name, facts]) => ({ name, facts, bytes: captured(name) })),
    ...Object.entries(UNDER_TERMINAL).map(([name, facts]) => ({ name, facts, size: TERMINAL, bytes: captured(name) })),
    {
      name: 'docker-pull (made)',
      size: TERMINAL,
      facts: ['4f4fb700ef54: Pull complete', '50f8c2a1d4b7: Pull complete', 'Status: Downloaded newer image for database:latest'],
      bytes: dockerPull,
    },
    { name: 'editor (made)', size: TERMINAL, facts: ['before', '"notes.txt" 79L written', 'after'], bytes: editor },
    { name: 'echo (made)', facts: ['done'], bytes: () => Buffer.from('done\n') },
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
}

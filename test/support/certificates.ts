import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Certificate and key of somebody, as files in PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** An authority of one test, which signs what the test needs; made with the openssl program. */
export class Authority {
  /** File of its own certificate. */
  readonly cert: string;
  readonly #folder: string;
  readonly #key: string;

  constructor(folder: string, name = 'ca') {
    this.#folder = folder;
    this.#key = join(folder, `${name}.key`);
    this.cert = join(folder, `${name}.pem`);
    const ca = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
    openssl('req', '-x509', ...KEY, '-nodes', '-days', '2', '-subj', `/CN=test ${name}`, ...ca, '-keyout', this.#key, '-out', this.cert);
  }

  /** Signs a certificate for names and addresses, for example `DNS:localhost`, `IP:127.0.0.1`. */
  sign(name: string, ...names: string[]): Identity {
    const [key, request, cert, extensions] = ['key', 'csr', 'pem', 'ext'].map((ending) => join(this.#folder, `${name}.${ending}`)) as [
      string,
      string,
      string,
      string,
    ];
    openssl('req', '-new', ...KEY, '-nodes', '-subj', `/CN=${name}`, '-keyout', key, '-out', request);
    writeFileSync(extensions, names.length === 0 ? '' : `subjectAltName=${names.join(',')}\n`);
    const by = ['-CA', this.cert, '-CAkey', this.#key, '-CAcreateserial'];
    openssl('x509', '-req', '-in', request, ...by, '-days', '2', '-extfile', extensions, '-out', cert);
    return { cert, key };
  }
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

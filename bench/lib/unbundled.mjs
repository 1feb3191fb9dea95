// The server from its modules as they were compiled, not from the bundle: a profile of it names the files of src.
import { serveHeadgate } from '../../dist/src/compose/server.js';

const data = process.argv[process.argv.indexOf('--data') + 1];
const server = await serveHeadgate({ data, port: 0, logLevel: 'warn', version: 'profiled' });
process.once('SIGTERM', () => void server.close());
const { url, http, socket, token, pid } = server;
process.stdout.write(`${JSON.stringify({ ready: true, url, http, socket, token, pid })}\n`);

/** The test server on standard input and output; its argument is the file of its notes. */
import { appendFileSync } from 'node:fs';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { testServer } from './tools.mjs';

const [notes] = process.argv.slice(2);
appendFileSync(notes, `started ${process.pid}\n`);
serveStdio(() => testServer(notes));

#!/usr/bin/env node
import './heap.js';

const { runCli } = await import('./program.js');

const FLUSH_MS = 2000;

const code = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
});
// Not left to an empty event loop: what still has a handle open (the shepherd of a training that
// goes on, a kept-alive connection) is no reason to stay.
const exit = () => process.exit(code);
setTimeout(exit, FLUSH_MS).unref();
process.stdout.write('', () => process.stderr.write('', exit));

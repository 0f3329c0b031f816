#!/usr/bin/env node
import { writeSync } from 'node:fs';
import { TrainError, UsageError } from './errors.js';
import { readOptions, usage } from './options.js';
import { run } from './run.js';

/**
 * The embedded trainer as a program. Output is written at once, without a buffer: what a killed run
 * printed last is what a person will look for. No signal handlers: SIGTERM ends it there and then.
 */
const io = { out: (text: string) => write(1, text), err: (text: string) => write(2, text) };

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') io.out(usage());
  else await run(options, process.env, io);
} catch (error) {
  if (error instanceof UsageError) io.err(`\n${error.message}\nsee --help\n`);
  else if (error instanceof TrainError) io.err(`\n${error.message}\n`);
  else io.err(`\n${(error as Error).stack}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}

/** All of the text, also into a pipe whose reader is slow (EAGAIN). */
function write(descriptor: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

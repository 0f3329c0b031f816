import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { expect, test } from '@jest/globals';
import { parseStartTicks } from '../../daemon/journal/identity.js';
import { processIdentity } from '../../daemon/journal/index.js';

test('this process', async () => {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  const identity = processIdentity();
  expect(identity).toMatchObject({ pid: process.pid, boot_id: boot.trim(), host: hostname() });
  expect(identity.start_ticks).toBeGreaterThan(0);
  expect(processIdentity(process.pid)).toEqual(identity);
});

test.each(['plain', 'two words', 'a) S 1 (b', ')))', ''])('a command named %j', (name) => {
  const numbers = Array.from({ length: 49 }, (_, i) => i + 4); // Fields 4 to 52, each its own number.
  expect(parseStartTicks(`77 (${name}) S ${numbers.join(' ')}\n`)).toBe(22);
});

test('a process that has ended, and one that is a zombie, are nobody', async () => {
  // After exec the shell is a parent that never reaps the child it started before.
  const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const pid = parent.pid as number;
  try {
    const child = await new Promise<number>((resolve) => {
      parent.stdout.once('data', (data) => resolve(Number(data)));
    });
    await until(async () => (await readFile(`/proc/${pid}/comm`, 'utf8')) === 'sleep\n');
    expect(processIdentity(child)).not.toBeNull();
    process.kill(child, 'SIGKILL');
    await until(async () => / Z /.test(await readFile(`/proc/${child}/stat`, 'utf8')));
    expect(processIdentity(child)).toBeNull();
    expect(processIdentity(pid)).not.toBeNull();
  } finally {
    const ended = new Promise((resolve) => parent.once('exit', resolve));
    parent.kill('SIGKILL');
    await ended;
  }
  expect(processIdentity(pid)).toBeNull();
});

async function until(fits: () => Promise<boolean>): Promise<void> {
  while (!(await fits())) await new Promise((resolve) => setImmediate(resolve));
}

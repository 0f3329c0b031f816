import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { JobStatus, Status } from '../../daemon/core/index.js';
import { until, type Workplace } from './workplace.js';

export interface Daemon {
  readonly pid: number;
  job(name: string): Promise<JobStatus>;
  queue(source: string, text: string): Promise<void>;
  /** Stops a job and waits until its trainer is gone. */
  endJob(name: string): Promise<void>;
}

const cli = fileURLToPath(new URL('../../daemon/cli/main.js', import.meta.url));

/** Our daemon as it is started for a night, in a home of its own. Ended with the workplace. */
export async function startDaemon(place: Workplace): Promise<Daemon> {
  const home = join(place.dir, 'home');
  mkdirSync(join(home, 'config'), { recursive: true });
  writeFileSync(join(home, 'config', 'nightwarden.yaml'), 'http: { port: 0 }\n');
  const words = join(home, 'daemon.err');
  const child = spawn(process.execPath, [cli, 'up', '--json', '--home', home], {
    stdio: ['ignore', 'pipe', openSync(words, 'a')],
  }) as ChildProcessByStdio<null, Readable, null>;
  place.atEnd(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await exited;
  });
  const first = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code, signal) =>
      reject(new Error(`the daemon ended (${signal ?? code}):\n${readFileSync(words, 'utf8')}`)),
    );
  });
  const { url, pid } = JSON.parse(first) as { url: string; pid: number };
  const post = async (path: string, body: object): Promise<void> => {
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  const job = async (name: string): Promise<JobStatus> => {
    const status = (await (await fetch(`${url}/api/status`)).json()) as Status;
    const found = status.jobs.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no job ${name}`);
    return found;
  };
  return {
    pid,
    job,
    queue: (source, text) => post('/api/jobs', { source, text }),
    async endJob(name) {
      await post(`/api/jobs/${name}/stop`, {});
      await until(`the end of ${name}`, 60, async () => (await job(name)).state === 'stopped');
    },
  };
}

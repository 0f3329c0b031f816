import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Target } from './kill.js';
import { members } from './lineage.js';
import { packageFile } from './package-file.js';
import { output } from './program-output.js';
import { shimStacks } from './shim-stacks.js';

export interface EvidenceRequest extends Target {
  /** Where it goes; made if absent. */
  readonly dir: string;
  readonly log: string;
  readonly heartbeats: string;
  readonly why: string;
  /** Seconds in all; whatever is not there by then is left out and said so. */
  readonly limit_seconds: number;
  /** Takes secrets out of a text before it is written; a trainer prints what it likes. */
  readonly redact?: (text: string) => string;
  /** Where nvidia-smi and its like are found; by default the daemon's own environment. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface Evidence {
  readonly path: string;
  /** How many were written; fewer than all where the disk has no room. */
  readonly files: number;
  readonly seconds: number;
}

type Source = (signal: AbortSignal) => Promise<string>;

const LOG_LINES = 200;
const LOG_BYTES = 256 * 1024;
/** A trainer with its data loaders; beyond that more of the same. */
const PROCESSES = 64;
/** After the limit (ms): time to write down what a source told until then. */
const WRITE_MS = 1000;

/**
 * Saves what can be seen of a hung attempt before it is touched. Every source is read beside the
 * others and given up by itself: /proc of a process in D state may block, nvidia-smi of a lost GPU
 * never answers. Never rejects: a hung trainer must be ended even where nothing can be written.
 */
export async function collectEvidence(request: EvidenceRequest): Promise<Evidence> {
  const began = performance.now();
  const limit = request.limit_seconds * 1000;
  const signal = AbortSignal.timeout(limit);
  let files = 0;
  const save = async (name: string, source: Source): Promise<void> => {
    const text = await orWhy(source(signal), limit);
    await writeFile(join(request.dir, name), request.redact?.(text) ?? text);
    files += 1;
  };
  const all = mkdir(request.dir, { recursive: true }).then(() =>
    Promise.allSettled(Object.entries(sources(request)).map((entry) => save(...entry))),
  );
  // Not awaited without a limit: the disk it is written to may be what hangs. A folder that cannot
  // be made shows in the number of files.
  const late = delay(limit + WRITE_MS, null, { ref: false });
  await Promise.race([all.catch(() => null), late]);
  return { path: request.dir, files, seconds: (performance.now() - began) / 1000 };
}

function sources(request: EvidenceRequest): Record<string, Source> {
  const run = (signal: AbortSignal, command: string, ...args: string[]): Promise<string> =>
    output(command, args, signal, request.env);
  return {
    'why.txt': async () => `${request.why}\n`,
    'processes.txt': (signal) => ofEach(request, (pid) => processReport(pid, signal)),
    'python-stacks.txt': async (signal) => {
      await run(signal, 'py-spy', '--version');
      // Without stopping it: it may be about to go on.
      const dump = (pid: number) =>
        run(signal, 'py-spy', 'dump', '--nonblocking', '--pid', `${pid}`);
      return ofEach(request, async (pid) => `===== ${pid}\n${await dump(pid).catch(said)}`);
    },
    'shim-stacks.txt': (signal) => shimStacks(request, request.heartbeats, signal),
    'log-tail.txt': () => tail(request.log),
    'heartbeats.json': () => heartbeats(request.heartbeats),
    'machine.txt': machine,
    'disk.txt': (signal) => run(signal, 'df', '-h'),
    'nvidia-smi.txt': (signal) => run(signal, 'nvidia-smi', '-q'),
    'kernel.txt': async (signal) => kernelLines(await run(signal, 'dmesg', '--ctime')),
  };
}

async function orWhy(read: Promise<string>, limit: number): Promise<string> {
  // Half a second later, so that a source that was cut short can hand out what it had.
  const late = delay(limit + WRITE_MS / 2, `(nothing within ${limit / 1000} s)\n`, { ref: false });
  return await Promise.race([read.catch(said), late]);
}

const said = (error: Error): string => `(not to be had: ${error.message})\n`;

async function ofEach(target: Target, report: (pid: number) => Promise<string>): Promise<string> {
  const found = members(target.lineage, target.shepherd, target.since);
  if (found.length === 0) return '(no process of the attempt is left)\n';
  const reports = await Promise.all(found.slice(0, PROCESSES).map(({ ref }) => report(ref.pid)));
  return reports.join('\n');
}

/** Status, wait channel, system call and kernel stack of each thread, and the open files. */
function processReport(pid: number, signal: AbortSignal): Promise<string> {
  return output('/bin/sh', [packageFile('trainer/process/process-report.sh'), String(pid)], signal);
}

async function heartbeats(dir: string): Promise<string> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.json'));
  const beats = await Promise.all(
    names.sort().map(async (name) => [name, jsonOrText(await peek(join(dir, name)))]),
  );
  return `${JSON.stringify(Object.fromEntries(beats), null, 1)}\n`;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is malformed is the more worth seeing, as it stands.
    return text;
  }
}

async function peek(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => `(${error.code})`);
}

async function machine(): Promise<string> {
  const files = [
    '/proc/loadavg',
    '/proc/meminfo',
    '/proc/pressure/io',
    '/proc/pressure/memory',
    '/sys/fs/cgroup/memory.events',
  ];
  const texts = await Promise.all(files.map(async (file) => `--- ${file}\n${await peek(file)}\n`));
  return texts.join('');
}

/** GPU faults (Xid), out-of-memory kills and storage errors are what the kernel knows of a hang. */
function kernelLines(text: string): string {
  const wanted = /NVRM|Xid|oom|Out of memory|I\/O error|blocked for more than|EXT4-fs error|nfs:/i;
  const lines = text.split('\n').filter((line) => wanted.test(line));
  return lines.length === 0 ? '(none)\n' : `${lines.slice(-100).join('\n')}\n`;
}

async function tail(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, LOG_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const lines = buffer.toString('utf8', 0, bytesRead).split(/[\r\n]+/);
    if (lines.at(-1) === '') lines.pop();
    return `${lines.slice(-LOG_LINES).join('\n')}\n`;
  } finally {
    await file.close();
  }
}

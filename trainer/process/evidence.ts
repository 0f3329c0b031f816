import { execFile } from 'node:child_process';
import { mkdir, open, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Target } from './kill.js';
import { members } from './lineage.js';

export interface EvidenceRequest extends Target {
  /** Where it goes; made if absent. */
  readonly dir: string;
  readonly log: string;
  readonly heartbeats: string;
  readonly why: string;
  /** Seconds in all; whatever is not there by then is left out and said so. */
  readonly limit_seconds: number;
}

export interface Evidence {
  readonly path: string;
  readonly files: number;
  readonly seconds: number;
}

const LOG_LINES = 200;
const LOG_BYTES = 256 * 1024;

/**
 * Saves what can be seen of a hung attempt before it is touched. Every source is read beside the
 * others and given up by itself: /proc of a process in D state may block, nvidia-smi of a lost GPU
 * never answers. Never rejects for the want of a source.
 */
export async function collectEvidence(request: EvidenceRequest): Promise<Evidence> {
  const began = performance.now();
  await mkdir(request.dir, { recursive: true });
  const sources: Record<string, (signal: AbortSignal) => Promise<string>> = {
    'processes.txt': () => processes(request),
    'log-tail.txt': () => tail(request.log),
    'heartbeats.json': () => heartbeats(request.heartbeats),
    'machine.txt': machine,
    'nvidia-smi.txt': (signal) =>
      run('nvidia-smi', ['-q', '-d', 'MEMORY,UTILIZATION,ECC,PIDS,ROW_REMAPPER'], signal),
    'kernel.txt': async (signal) => kernelLines(await run('dmesg', ['--ctime'], signal)),
  };
  const limit = AbortSignal.timeout(request.limit_seconds * 1000);
  const saved = await Promise.all(
    Object.entries(sources).map(async ([name, read]) => {
      const text = await orWhy(read(limit), request.limit_seconds);
      await writeFile(join(request.dir, name), text);
      return name;
    }),
  );
  await writeFile(join(request.dir, 'why.txt'), `${request.why}\n`);
  return {
    path: request.dir,
    files: saved.length + 1,
    seconds: (performance.now() - began) / 1000,
  };
}

async function orWhy(read: Promise<string>, seconds: number): Promise<string> {
  const late = delay(seconds * 1000, `(nothing within ${seconds} s)\n`, { ref: false });
  return await Promise.race([
    read.catch((error: Error) => `(not to be had: ${error.message})\n`),
    late,
  ]);
}

/** Status, wait channel, system call and kernel stack of each thread, and the open files. */
async function processes(target: Target): Promise<string> {
  const parts = await Promise.all(
    members(target.lineage, target.shepherd, target.since).map(async ({ stat }) => {
      const base = `/proc/${stat.pid}`;
      const command = (await peek(`${base}/cmdline`)).replaceAll('\0', ' ');
      const threads = await readdir(`${base}/task`).catch(() => []);
      const each = await Promise.all(
        threads.slice(0, 64).map((tid) => thread(`${base}/task/${tid}`)),
      );
      return `===== ${stat.pid} ${command}\n${await peek(`${base}/status`)}\n${each.join('')}\n--- open files\n${await openFiles(base)}\n`;
    }),
  );
  return parts.join('\n');
}

async function thread(base: string): Promise<string> {
  const names = ['comm', 'wchan', 'syscall', 'stack'] as const;
  const [comm, wchan, syscall, stack] = await Promise.all(
    names.map((name) => peek(`${base}/${name}`)),
  );
  return `--- thread ${base.split('/').at(-1)} ${comm?.trim()}  wchan ${wchan}  syscall ${syscall?.trim()}\n${stack}`;
}

async function openFiles(base: string): Promise<string> {
  const fds = await readdir(`${base}/fd`).catch(() => []);
  const links = await Promise.all(
    fds
      .slice(0, 256)
      .map(async (fd) => `${fd} -> ${await readlink(`${base}/fd/${fd}`).catch(() => '?')}`),
  );
  return links.join('\n');
}

async function peek(path: string): Promise<string> {
  return await readFile(path, 'latin1').catch((error: NodeJS.ErrnoException) => `(${error.code})`);
}

async function heartbeats(dir: string): Promise<string> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.json'));
  const all = await Promise.all(
    names.map(async (name) => `"${name}": ${(await peek(join(dir, name))).trim()}`),
  );
  return `{${all.join(',\n')}}\n`;
}

async function machine(signal: AbortSignal): Promise<string> {
  const disk = await run('df', ['-h', '-x', 'tmpfs', '-x', 'devtmpfs'], signal);
  const files = [
    '/proc/loadavg',
    '/proc/meminfo',
    '/proc/pressure/io',
    '/proc/pressure/memory',
    '/sys/fs/cgroup/memory.events',
  ];
  const texts = await Promise.all(files.map(async (file) => `--- ${file}\n${await peek(file)}\n`));
  return `${texts.join('')}--- df\n${disk}`;
}

/** GPU faults (Xid), out-of-memory kills and storage errors are what the kernel knows of a hang. */
function kernelLines(text: string): string {
  const wanted = /NVRM|Xid|oom|Out of memory|I\/O error|blocked for more than|EXT4-fs error|nfs:/i;
  return `${text
    .split('\n')
    .filter((line) => wanted.test(line))
    .slice(-100)
    .join('\n')}\n`;
}

async function tail(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, LOG_BYTES);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer
      .toString('utf8')
      .split(/[\r\n]+/)
      .slice(-LOG_LINES - 1)
      .join('\n');
  } finally {
    await file.close();
  }
}

function run(command: string, args: string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { signal, killSignal: 'SIGKILL', maxBuffer: 4 << 20 },
      (error, stdout, stderr) => {
        if (error !== null && stdout === '')
          reject(new Error(`${command}: ${stderr.trim() || error.message}`));
        else resolve(stdout);
      },
    );
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const room = fileURLToPath(new URL('../../../daemon/journal/', import.meta.url));
const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));

/** Translates the room once, so that real child processes can import it without a build before. */
export async function translated(): Promise<{ door: string; remove: () => Promise<void> }> {
  const out = await mkdtemp(join(tmpdir(), 'nightwarden-room-'));
  await mkdir(join(out, 'journal'));
  await writeFile(join(out, 'package.json'), '{"type":"module"}');
  for (const name of await readdir(room)) {
    const { code } = await transformFile(join(room, name), {
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      module: { type: 'es6' },
    });
    await writeFile(join(out, 'journal', name.replace(/\.ts$/, '.js')), code);
  }
  return {
    door: join(out, 'journal', 'index.js'),
    remove: () => rm(out, { recursive: true, force: true }),
  };
}

/** A fixture program at work. */
export class Program {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly ended: Promise<void>;
  private stderr = '';
  private readonly watchers = new Set<() => void>();

  constructor(fixture: string, args: string[], wrapper: string[] = []) {
    const [command = process.execPath, ...rest] = [
      ...wrapper,
      process.execPath,
      join(fixtures, fixture),
      ...args,
    ];
    this.child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stderr?.on('data', (data) => {
      this.stderr += String(data);
    });
    const reader = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    reader.on('line', (line) => {
      this.lines.push(line);
      for (const watcher of this.watchers) watcher();
    });
    this.ended = new Promise((resolve) => {
      reader.once('close', () => {
        for (const watcher of this.watchers) watcher();
        resolve();
      });
    });
  }

  /** The first line that fits; rejects if the program ends without one. */
  async line(fits: (line: string) => boolean): Promise<string> {
    for (;;) {
      const found = this.lines.find(fits);
      if (found !== undefined) return found;
      const over = await new Promise<boolean>((resolve) => {
        const watcher = () => {
          this.watchers.delete(watcher);
          resolve(false);
        };
        this.watchers.add(watcher);
        void this.ended.then(() => resolve(true));
      });
      if (over && !this.lines.some(fits)) {
        throw new Error(`the program ended without the expected line: ${this.stderr}`);
      }
    }
  }

  say(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await new Promise((resolve) => this.child.once('exit', resolve));
    }
  }
}

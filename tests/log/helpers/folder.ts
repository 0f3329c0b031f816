import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach } from '@jest/globals';

/** Gives each test folders of its own and removes them afterwards. */
export function folders(): () => Promise<string> {
  const made: string[] = [];
  afterEach(async () => {
    for (const dir of made.splice(0)) await rm(dir, { recursive: true, force: true });
  });
  return async () => {
    const dir = await mkdtemp(join(tmpdir(), 'nightwarden-log-'));
    made.push(dir);
    return dir;
  };
}

export interface Line {
  time: string;
  level: string;
  message: string;
  scope?: string;
  n?: number;
  [field: string]: unknown;
}

export async function linesOf(path: string): Promise<Line[]> {
  const text = await readFile(path, 'utf8');
  if (text !== '' && !text.endsWith('\n')) throw new Error(`${path} ends in a torn line`);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** A stream that keeps what it is given. */
export class Ear extends Writable {
  heard = '';
  isTTY = false;
  private tell: () => void = () => undefined;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.heard += chunk.toString();
    this.tell();
    done();
  }

  async until(text: string): Promise<void> {
    while (!this.heard.includes(text)) {
      await new Promise<void>((resolve) => {
        this.tell = resolve;
      });
    }
  }
}

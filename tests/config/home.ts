import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigError } from '../../config/index.js';

/** A home folder of its own for each test. */
export class TestHome {
  readonly path = mkdtempSync(join(tmpdir(), 'nightwarden-config-'));

  write(name: string, text: string): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  config(text: string): void {
    this.write('config/nightwarden.yaml', text);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The lines of the ConfigError that `act` throws; fails when it throws anything else, or nothing. */
export function complaints(act: () => unknown): string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  throw new Error('expected a ConfigError, and nothing was thrown');
}

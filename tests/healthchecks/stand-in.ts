import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

/** A folder for each test, and in it programs in nvidia-smi's place that print what a sick or a healthy
 * one would. */
export function nvidiaSmi() {
  const place = { dir: '' };
  beforeEach(() => {
    place.dir = mkdtempSync(join(tmpdir(), 'nightwarden-gpu-'));
  });
  afterEach(() => rmSync(place.dir, { recursive: true, force: true }));
  return {
    place,
    standIn(script: string): string {
      const path = join(place.dir, 'nvidia-smi');
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
      return path;
    },
  };
}

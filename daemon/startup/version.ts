import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../config/index.js';

let known: string | null = null;

/** The package's own version. */
export function version(): string {
  known ??= (
    JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }
  ).version;
  return known;
}

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file that is not compiled and so lies in the source tree only, found from dist/ as well. */
export function packageFile(relative: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const up = dirname(folder);
    if (up === folder) throw new Error(`cannot find the package that holds ${relative}`);
    folder = up;
  }
  return join(folder, relative);
}

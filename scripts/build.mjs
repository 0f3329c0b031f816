// Compiles the TypeScript rooms into dist/ and makes the command executable.
// Scripts that are not TypeScript (the shepherd, the Python shim, images) stay where they are and
// are found from the package's root, so that there is one copy of each.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const tsc = join(
  dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin/tsc',
);
const [dist, fresh, old] = ['dist', 'dist.new', 'dist.old'].map((name) => join(root, name));

for (const left of [fresh, old]) rmSync(left, { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', fresh], {
  stdio: 'inherit',
});
chmodSync(join(fresh, 'daemon/cli/main.js'), 0o755);
// Swapped at the end: a build that fails leaves the last one, and a daemon that runs from dist/
// never finds it empty.
if (existsSync(dist)) renameSync(dist, old);
renameSync(fresh, dist);
rmSync(old, { recursive: true, force: true });

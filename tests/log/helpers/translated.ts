import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Translates the room, so that real child processes can import it without a build before. */
export async function translated(): Promise<{ door: string; remove: () => Promise<void> }> {
  const out = await mkdtemp(join(tmpdir(), 'nightwarden-room-'));
  await writeFile(join(out, 'package.json'), '{"type":"module"}');
  await symlink(join(root, 'node_modules'), join(out, 'node_modules'));
  await mkdir(join(out, 'log'));
  for (const name of await readdir(join(root, 'daemon/log'))) {
    const { code } = await transformFile(join(root, 'daemon/log', name), {
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      module: { type: 'es6' },
    });
    await writeFile(join(out, 'log', name.replace(/\.ts$/, '.js')), code);
  }
  return {
    door: join(out, 'log', 'index.js'),
    remove: () => rm(out, { recursive: true, force: true }),
  };
}

import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Translates the room and the one it needs, so that real child processes can import it without a
 * build before. */
export async function translated(): Promise<{ door: string; remove: () => Promise<void> }> {
  const out = await mkdtemp(join(tmpdir(), 'nightwarden-room-'));
  await writeFile(join(out, 'package.json'), '{"type":"module"}');
  await symlink(join(root, 'node_modules'), join(out, 'node_modules'));
  for (const room of ['daemon/log', 'config']) await translate(room, out);
  return {
    door: join(out, 'daemon/log', 'index.js'),
    remove: () => rm(out, { recursive: true, force: true }),
  };
}

async function translate(room: string, out: string): Promise<void> {
  const all = await readdir(join(root, room), { recursive: true });
  for (const name of all.filter((name) => name.endsWith('.ts'))) {
    await mkdir(dirname(join(out, room, name)), { recursive: true });
    const { code } = await transformFile(join(root, room, name), {
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      module: { type: 'es6' },
    });
    await writeFile(join(out, room, name.replace(/\.ts$/, '.js')), code);
  }
}

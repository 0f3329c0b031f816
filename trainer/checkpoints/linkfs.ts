import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileSystemAdapter } from 'tinyglobby';

/**
 * A `readdir` for the glob that shows links as what they point to. The crawler by itself reports
 * a link under its target's name (which then does not match) and drops a link to nothing.
 *
 * @param descend also show a link to a folder as a folder; false where the pattern has `**`, as
 *   a link to a folder above would be followed for ever
 */
export function linkFs(descend: boolean): FileSystemAdapter {
  const list = (path: string, options: { withFileTypes: true }, done: Done) => {
    readdir(path, options)
      .then((entries) => Promise.all(entries.map((entry) => resolved(path, entry, descend))))
      .then(
        (entries) => done(null, entries),
        (error: Error) => done(error, []),
      );
  };
  return { readdir: list } as unknown as FileSystemAdapter;
}

type Done = (error: Error | null, entries: Dirent[]) => void;

async function resolved(dir: string, entry: Dirent, descend: boolean): Promise<Dirent> {
  if (!entry.isSymbolicLink()) return entry;
  const folder = descend && (await leadsToFolder(join(dir, entry.name)));
  return Object.assign(entry, {
    isSymbolicLink: () => false,
    isDirectory: () => folder,
    isFile: () => !folder,
  });
}

/** False for a link that leads nowhere: what is wrong with it is said when it is verified. */
function leadsToFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (at) => at.isDirectory(),
    () => false,
  );
}

import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { codeOf } from './fs.js';

export type Mutex =
  | { is: 'bound'; release: () => Promise<void> }
  | { is: 'taken' }
  /** This system has no abstract sockets (a sandboxed kernel). */
  | { is: 'unavailable'; code: string };

/**
 * Binds an abstract unix socket named after the folder: a mutex that the kernel frees in the very
 * moment its process dies, however it dies. Children do not inherit it (close-on-exec), so a
 * trainer that outlives the daemon does not hold the daemon's lock. It reaches as far as the
 * network namespace; beyond it daemon.lock has to speak.
 */
export async function bindMutex(dir: string): Promise<Mutex> {
  // Device and inode, not the path: the same folder by another name is the same folder.
  const { dev, ino } = await stat(dir, { bigint: true });
  const name = createHash('sha256').update(`${dev}:${ino}`).digest('hex');
  // Nobody has business connecting; one who does must not be left hanging.
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, `\0nightwarden-${name}`);
  } catch (error) {
    const code = codeOf(error);
    return code === 'EADDRINUSE' ? { is: 'taken' } : { is: 'unavailable', code };
  }
  server.unref();
  return { is: 'bound', release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Exclusive: in a cluster the primary would bind in our place and share the socket.
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

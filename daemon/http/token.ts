import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TokenUnusable } from './errors.js';

/** Below this many characters a token could be guessed over the network. */
const SHORTEST = 16;

/**
 * The API token: the one in the file, or 32 random bytes (base64url) written there now, whole or not
 * at all, readable by their owner alone. One writer a home; the daemon's lock sees to that. Throws
 * TokenUnusable when the file cannot be read or made, or holds nothing that could keep anyone out.
 */
export async function apiToken(file: string): Promise<string> {
  try {
    return (await kept(file)) ?? (await made(file));
  } catch (error) {
    if (error instanceof TokenUnusable) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new TokenUnusable(file, code ?? message, error);
  }
}

async function kept(file: string): Promise<string | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const token = text.trim();
  if (token.length < SHORTEST)
    throw new TokenUnusable(file, `it has ${token.length} characters, fewer than ${SHORTEST}`);
  await chmod(file, 0o600);
  return token;
}

async function made(file: string): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  // Left by a daemon of the same pid that died in the middle: 'wx' would refuse it for ever.
  await rm(temporary, { force: true });
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${token}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return token;
}

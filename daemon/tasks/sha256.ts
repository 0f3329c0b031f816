import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** Large enough for the disk; hashing one holds the event loop for about half a millisecond. */
const CHUNK = 512 * 1024;

/** SHA-256 of a file in hexadecimal, read once. Throws what the file system throws, and the signal's
 * reason. */
export async function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const how = signal === undefined ? {} : { signal };
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK, ...how })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

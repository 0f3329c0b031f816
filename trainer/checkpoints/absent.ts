/**
 * Null where the file is not there, for the races in which that is no error: a trainer deletes
 * its old checkpoints while we look. Every other error is passed on.
 */
export async function absentIsNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** Is this error "no such file" (or a folder on the way that has become a file)? */
export function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/**
 * Ends a wait when the signal fires. A read from a stalled network volume may never return, and
 * nothing in the process can cut it short; the caller must at least be able to go on.
 *
 * @throws the signal's reason once it is aborted
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

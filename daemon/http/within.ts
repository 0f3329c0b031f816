import { HTTPException } from 'hono/http-exception';

/** Seconds a person's request may take to reach the disk. */
const LIMIT_MS = 15_000;

/** The promise, or after 15 s an answer: a disk that hangs must not keep a caller waiting for ever. */
export async function within<T>(promise: Promise<T>, limitMs = LIMIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const message =
        `the request is not on disk after ${limitMs / 1000} s; it may still take effect: ` +
        'look at /api/status, and at /healthz for the state of the disk';
      reject(new HTTPException(504, { message }));
    }, limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

import type { FollowUpOutcome } from '../core/index.js';

/** Why a follow-up cannot be done now, in words for its owner, and what that person can do.
 * `permanent`: another try would fail the same way. */
export class Cannot extends Error {
  override readonly name = 'Cannot';

  constructor(
    reason: string,
    readonly remedy: string,
    readonly permanent: boolean,
    /** Seconds that the other side asked us to wait. */
    readonly retryAfter: number | null = null,
  ) {
    super(reason);
  }
}

/** Errors of the file system that the next try meets again. A missing folder is not among them: its
 * volume may come back. */
const PERMANENT = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG']);

export function isPermanent(error: unknown): boolean {
  return PERMANENT.has((error as NodeJS.ErrnoException | null)?.code ?? '');
}

/** Any error as the outcome of a try. What nobody foresaw is tried again, within the limit of tries. */
export function failureOf(error: unknown): Extract<FollowUpOutcome, { is: 'failed' }> {
  if (error instanceof Cannot) {
    const { message: reason, remedy, permanent, retryAfter: retry_after } = error;
    return { is: 'failed', reason, remedy, permanent, retry_after };
  }
  const reason = error instanceof Error ? error.message : String(error);
  return {
    is: 'failed',
    reason,
    remedy: '',
    permanent: isPermanent(error),
    retry_after: null,
  };
}

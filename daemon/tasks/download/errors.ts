/** Why a download ended for good. */
export type RefusalKind =
  /** The licence has to be accepted, or a token given. */
  | 'gated'
  | 'unauthorized'
  | 'not_found'
  /** The token itself is not known to the Hub. */
  | 'bad_token'
  | 'disk_full'
  /** Another file lies at the target. */
  | 'occupied'
  /** The bytes do not add up to the file that the Hub promised. */
  | 'corrupt'
  /** The server does not keep to HTTP, again and again. */
  | 'server'
  /** No new byte for longer than our patience. */
  | 'network'
  | 'disk';

/** A download that will not go on by itself: what happened, and what to do about it. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
  constructor(
    readonly kind: RefusalKind,
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

/** Trying again later, with nothing changed by a person, may help. */
export const mayPass = (kind: RefusalKind): boolean => kind === 'network' || kind === 'server';

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** What the file system refused, in words. */
export function diskError(error: NodeJS.ErrnoException): DownloadError {
  const at = error.path === undefined ? '' : ` (${error.path})`;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new DownloadError(
      'disk_full',
      `The disk is full${at}.`,
      'Make room and start the download again: what is there is kept.',
    );
  }
  return new DownloadError(
    'disk',
    `The disk does not take the file: ${error.message}.`,
    'Look at the volume (is it mounted, writable, healthy?) and start the download again.',
  );
}

/** An error of a system call on files, as against a fault of ours. */
export const isDiskError = (error: unknown): error is NodeJS.ErrnoException =>
  /^E[A-Z]+$/.test(codeOf(error)) && typeof (error as { syscall?: unknown }).syscall === 'string';

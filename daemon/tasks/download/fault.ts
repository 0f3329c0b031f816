/** What can go wrong with one request for bytes and may go right at the next. */
export type FaultKind =
  /** The connection broke, or could not be made. */
  | 'network'
  /** No byte came for too long. */
  | 'stalled'
  /** The body ended before its time. */
  | 'short'
  /** The address is no longer good. */
  | 'expired'
  /** The server asks us to stay away for a while. */
  | 'busy'
  /** An answer that is none to our question: another range, another status. */
  | 'server'
  /** The content is another one than before. */
  | 'changed';

export class Fault extends Error {
  override readonly name = 'Fault';
  constructor(
    readonly kind: FaultKind,
    message: string,
    /** Seconds that the server asked for; null where it did not. */
    readonly wait: number | null = null,
  ) {
    super(message);
  }
}

import type { Socket } from 'node:net';
import { Fault } from './fault.js';
import { type Head, headOf } from './head.js';

/** What is done with an answer as it comes. */
export interface Taker {
  /** Throws to refuse the body. */
  head(head: Head): void;
  /** The piece is of use during the call alone. Gives what to wait for before the next one. */
  body(piece: Buffer): Promise<void> | null;
}

const LONGEST_HEAD = 64 * 2 ** 10;

/**
 * A kept connection on which one range after another is asked for. Node's own HTTP client makes a
 * fresh buffer of every piece, which costs three times the CPU of the transfer itself; this one
 * knows no more of HTTP/1.1 than an answer of a told length.
 */
export class Wire {
  /** Nothing more can be asked over it. */
  over = false;
  private onPiece: ((piece: Buffer) => void) | null = null;
  private onEnd: ((why: Error) => void) | null = null;

  constructor(private readonly socket: Socket) {
    const end = (why: Error): void => {
      this.over = true;
      this.onEnd?.(why);
    };
    socket.on('error', end);
    socket.on('close', () => end(new Error('the connection broke')));
  }

  /** New bytes. Those that nobody asked for make the connection useless. */
  receive(piece: Buffer): void {
    if (this.onPiece === null) this.close();
    else this.onPiece(piece);
  }

  close(): void {
    this.over = true;
    this.socket.destroy();
  }

  /** Sends a request; settles when its answer was taken to the last byte. */
  async ask(request: string, taker: Taker, signal: AbortSignal): Promise<void> {
    const aborted = (): void => this.onEnd?.(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });
    try {
      signal.throwIfAborted();
      // A write to it would say nothing, ever.
      if (this.over) throw new Error('the connection broke');
      await new Promise<void>((resolve, reject) => {
        this.onEnd = reject;
        const done = (kept: boolean): void => {
          this.over ||= !kept;
          resolve();
        };
        this.onPiece = reader(taker, this.socket, done, reject);
        this.socket.write(request);
      });
    } catch (error) {
      this.close(); // what is still to come of the answer would be taken for the next one's
      throw error;
    } finally {
      signal.removeEventListener('abort', aborted);
      this.onPiece = null;
      this.onEnd = null;
    }
  }
}

/** Tells head from body. */
function reader(
  taker: Taker,
  socket: Socket,
  done: (kept: boolean) => void,
  failed: (error: unknown) => void,
): (piece: Buffer) => void {
  let start = Buffer.alloc(0);
  /** Bytes of the body still to come; null before the head is whole. */
  let left: number | null = null;
  let kept = false;
  const read = (piece: Buffer): void => {
    let body = piece;
    if (left === null) {
      start = Buffer.concat([start, piece]);
      const end = start.indexOf('\r\n\r\n');
      if (end < 0 && start.length > LONGEST_HEAD)
        throw new Fault('server', 'a head without an end');
      if (end < 0) return;
      const head = headOf(start.toString('latin1', 0, end));
      taker.head(head);
      if (head.length === null)
        throw new Fault('server', 'an answer that does not tell its length');
      left = head.length;
      kept = head.kept;
      body = start.subarray(end + 4);
    }
    if (body.length > left) throw new Fault('server', `more than the ${left} bytes announced came`);
    left -= body.length;
    const busy = taker.body(body);
    if (busy !== null) {
      socket.pause();
      busy.finally(() => socket.resume()).catch(failed);
    }
    if (left === 0) done(kept);
  };
  return (piece) => {
    try {
      read(piece);
    } catch (error) {
      failed(error);
    }
  };
}

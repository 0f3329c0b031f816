import type { WriteStream } from 'node:tty';
import { type Paint, painter, truncate, wantsColour } from './format/index.js';

/** Where lines go, and a last line that is redrawn where that is a terminal. */
export interface Terminal {
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly paint: Paint;
  /** A line that stays, above the live line. */
  line(text?: string): void;
  /** Text as it stands. */
  write(text: string | Uint8Array): void;
  /** Replaces the live line; does nothing where there is none. */
  live(text: string): void;
  /** Takes the live line away. */
  clear(): void;
}

type Out = Pick<WriteStream, 'write'> & { isTTY?: boolean | undefined; columns?: number };

/** A terminal over a stream. */
export function terminal(out: Out, env: NodeJS.ProcessEnv): Terminal {
  const isTerminal = out.isTTY === true && env['TERM'] !== 'dumb';
  let shown = '';
  const clear = () => {
    if (shown !== '') out.write('\r\x1b[K');
    shown = '';
  };
  const live = (text: string) => {
    if (!isTerminal) return;
    // One column is left free: a full line would wrap, and only its second half be redrawn.
    const cut = truncate(text, (out.columns ?? 80) - 1);
    if (cut === shown) return;
    out.write(`\r${cut}\x1b[K`);
    shown = cut;
  };
  return {
    isTerminal,
    get columns() {
      return out.columns ?? 80;
    },
    paint: painter(wantsColour(env, out.isTTY === true)),
    line(text = '') {
      const below = shown;
      clear();
      out.write(`${text}\n`);
      if (below !== '') live(below);
    },
    write(text) {
      clear();
      out.write(text);
    },
    live,
    clear,
  };
}

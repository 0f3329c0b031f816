import { Writable } from 'node:stream';
import { type Terminal, terminal } from '../../../daemon/cli/terminal.js';

/** A stream that remembers; what it shows is in `text()`. */
export class Recorder extends Writable {
  readonly chunks: Buffer[] = [];
  isTTY = false;
  columns = 80;

  override _write(chunk: Buffer | string, _encoding: string, done: () => void): void {
    this.chunks.push(Buffer.from(chunk));
    done();
  }

  text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }

  /** Settles once the text so far holds `wanted`. */
  async shows(wanted: string, limitMs = 20_000): Promise<void> {
    const until = Date.now() + limitMs;
    while (!this.text().includes(wanted)) {
      if (Date.now() > until) throw new Error(`never showed ${wanted}; showed: ${this.text()}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

export function recorded(tty = false, columns = 80): { stream: Recorder; out: Terminal } {
  const stream = new Recorder();
  stream.isTTY = tty;
  stream.columns = columns;
  return { stream, out: terminal(stream as never, { TERM: 'xterm', NO_COLOR: '1' }) };
}

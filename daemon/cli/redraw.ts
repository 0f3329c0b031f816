/**
 * Turns a trainer's output into lines, a redrawn line (carriage returns, as progress bars do) into
 * its last state only. Text is latin1: bytes pass through unharmed, and neither `\r` nor `\n` is
 * ever part of a UTF-8 sequence.
 */
export class Lines {
  private line = '';
  /** A `\r` was seen last: whether it ends the line (`\r\n`) or redraws it shows the next character. */
  private pending = false;

  constructor(private readonly raw = false) {}

  /** The lines that `text` completes, each with its `\n`. */
  push(text: string): string[] {
    const done: string[] = [];
    for (const [piece] of text.matchAll(this.raw ? RAW : PIECES)) {
      if (piece === '\n') {
        done.push(`${this.line}\n`);
        this.line = '';
        this.pending = false;
      } else if (piece === '\r') {
        this.pending = true;
      } else {
        this.line = this.pending ? piece : this.line + piece;
        this.pending = false;
      }
    }
    return done;
  }

  /** What is left of a line without its end; '' if nothing. */
  rest(): string {
    const { line } = this;
    this.line = '';
    this.pending = false;
    return line;
  }
}

const PIECES = /[\r\n]|[^\r\n]+/g;
const RAW = /\n|[^\n]+/g;

/** The last `limit` of many lines, and how many went before them. */
export class LastLines {
  private kept: string[] = [];
  dropped = 0;

  constructor(private readonly limit: number) {}

  add(lines: readonly string[]): void {
    for (const line of lines) this.kept.push(line);
    // Cut now and then and not at each line, which would move the whole list every time.
    if (this.kept.length > 2 * this.limit + 1000) this.cut();
  }

  take(): string[] {
    this.cut();
    return this.kept.splice(0);
  }

  private cut(): void {
    const over = this.kept.length - this.limit;
    if (over <= 0) return;
    this.kept.splice(0, over);
    this.dropped += over;
  }
}

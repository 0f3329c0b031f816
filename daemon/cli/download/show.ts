import { formatSize, type Progress, rateOf, totals } from '../../tasks/download/index.js';
import { percent } from '../format/index.js';
import type { Terminal } from '../terminal.js';
import { amounts, barLines, speed } from './bars.js';

/** Between plain lines, where there is no terminal (seconds). */
const PLAIN_EVERY = 10;

/** Shows a download: bars that are redrawn on a terminal, plain lines elsewhere. */
export class Show {
  private drawn = 0;
  private toldAt = Number.NEGATIVE_INFINITY;
  private readonly ended = new Set<string>();
  private note: string | null = null;

  constructor(private readonly out: Terminal) {}

  /** @param now seconds, of the clock that the progress was folded with */
  update(progress: Progress, now: number): void {
    const news = this.newsOf(progress);
    if (this.out.isTerminal) {
      this.erase();
      for (const line of news) this.out.line(line);
      const lines = barLines(progress, now, this.out.columns, this.out.paint);
      if (lines.length > 0) this.out.write(`${lines.join('\n')}\n`);
      this.drawn = lines.length;
      return;
    }
    for (const line of news) this.out.line(line);
    if (progress.note !== null && progress.note !== this.note) this.out.line(progress.note);
    this.note = progress.note;
    const { bytes, size } = totals(progress);
    if (rateOf(progress, now) === null || now - this.toldAt < PLAIN_EVERY || bytes >= size) return;
    this.toldAt = now;
    const share = percent(bytes, size) ?? '';
    this.out.line([amounts(bytes, size), share, ...speed(progress, now)].join(', '));
  }

  /** Takes the bars away. */
  end(): void {
    this.erase();
  }

  private erase(): void {
    if (this.drawn > 0) this.out.write(`\x1b[${this.drawn}A\r\x1b[J`);
    this.drawn = 0;
  }

  /** One line for each file that has come to its end since the last look. */
  private newsOf(progress: Progress): string[] {
    const fresh = progress.files.filter(
      ({ file, state }) => state === 'done' && !this.ended.has(file),
    );
    for (const { file } of fresh) this.ended.add(file);
    return fresh.map(
      ({ file, size, how, path }) =>
        `${file}  ${formatSize(size)}  ${HOW[how ?? ''] ?? how}: ${path}`,
    );
  }
}

const HOW: Readonly<Record<string, string>> = {
  downloaded: 'fetched, its hash is right',
  present: 'was there, its hash is right',
  cache: "taken from this machine's own copy, its hash is right",
  kept: 'was there; the Hub has a newer one, which --replace fetches',
};

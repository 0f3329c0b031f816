/** Where console output goes; each call writes at once. */
export interface Console {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

const WIDTH = 10;
const PARTS = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const REDRAW_MS = 100;

/**
 * A progress bar in the form of tqdm, as kohya's scripts print it: redrawn on stderr with a carriage
 * return, at most ten times a second. Log readers for real trainers read this one too.
 */
export class Progress {
  private readonly startedAt: number;
  private drawnAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly io: Console,
    private readonly total: number,
    private readonly initial: number,
    /** Monotonic milliseconds. */
    private readonly now: () => number,
  ) {
    this.startedAt = now();
  }

  update(step: number, averageLoss: number, force = false): void {
    const now = this.now();
    if (!force && now - this.drawnAt < REDRAW_MS) return;
    this.drawnAt = now;
    const seconds = (now - this.startedAt) / 1000;
    this.io.err('\r' + barLine(step, this.total, this.initial, seconds, averageLoss));
  }

  /** A plain line; it starts on a line of its own, as the bar leaves none behind it. */
  line(text: string): void {
    this.io.out(`\n${text}\n`);
  }
}

/** One drawing of the bar. `seconds` have passed since the run started at step `initial`. */
export function barLine(
  step: number,
  total: number,
  initial: number,
  seconds: number,
  averageLoss: number,
): string {
  const done = step - initial;
  const eighths = Math.floor((step / total) * WIDTH * 8);
  const full = Math.floor(eighths / 8);
  const part = full < WIDTH ? PARTS[eighths % 8]! : '';
  const bar = '█'.repeat(full) + part + ' '.repeat(Math.max(0, WIDTH - full - 1));
  const percent = String(Math.floor((100 * step) / total)).padStart(3);
  const perSecond = done > 0 && seconds > 0 ? done / seconds : null;
  const left = perSecond === null ? '?' : clock((total - step) / perSecond);
  return `steps: ${percent}%|${bar}| ${step}/${total} [${clock(seconds)}<${left}, ${rate(perSecond)}, avr_loss=${averageLoss.toPrecision(3).toLowerCase()}]`;
}

function rate(perSecond: number | null): string {
  if (perSecond === null) return '?it/s';
  if (perSecond < 1) return `${(1 / perSecond).toFixed(2).padStart(5)}s/it`;
  return `${perSecond.toFixed(2).padStart(5)}it/s`;
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

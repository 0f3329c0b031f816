import { attemptLog, loggedAttempts } from './attempt-logs.js';
import { GrowingFile } from './grow.js';
import { LastLines, Lines } from './redraw.js';
import type { Terminal } from './terminal.js';
import { pause } from './wait.js';

export interface Show {
  readonly out: Terminal;
  readonly err: Terminal;
  /** Lines at the end to begin with; Infinity for all. */
  readonly lines: number;
  /** Bytes as they are, redrawn lines and all. */
  readonly raw: boolean;
}

/** Shows the end of a file; false when there is none. */
export async function showFile(path: string, show: Show, map = plain): Promise<boolean> {
  const file = new GrowingFile(path);
  const start = startOf(show, map);
  const lines = new Lines(show.raw);
  try {
    if (!(await file.read((text) => start.add(lines.push(text))))) return false;
    const rest = lines.rest();
    if (rest !== '') start.add([show.raw ? rest : `${rest}\n`]);
    start.end();
    return true;
  } finally {
    await file.close();
  }
}

export interface FollowLogs extends Show {
  readonly signal: AbortSignal;
  /** Asked now and then: whether nothing more will come. */
  readonly over: () => Promise<boolean>;
  readonly pollMs?: number;
}

/** Shows the end of an attempt's output and what follows, later attempts too, until the job is over. */
export async function followAttempts(
  home: string,
  job: string,
  from: number,
  show: FollowLogs,
): Promise<void> {
  for (let attempt = from; ; ) {
    const first = attempt === from;
    if (!first) show.err.line(`==> ${job}, attempt ${attempt}`);
    const next = () => loggedAttempts(home, job).find((other) => other > attempt) ?? null;
    const path = attemptLog(home, job, attempt);
    await followFile(
      path,
      first ? show : { ...show, lines: Number.POSITIVE_INFINITY },
      async () => {
        return next() !== null || (await show.over());
      },
    );
    const later = next();
    if (later === null || show.signal.aborted) return;
    attempt = later;
  }
}

/** Shows the end of a file and what is added to it, until `ended` or the signal. */
export async function followFile(
  path: string,
  show: FollowLogs,
  ended: () => Promise<boolean>,
  map = plain,
): Promise<void> {
  const file = new GrowingFile(path);
  // On a terminal a bar is redrawn as it was meant to be; a pipe gets its last state.
  const lines = new Lines(show.raw);
  const live = show.out.isTerminal && !show.raw && map === plain;
  const start = startOf(show, map);
  try {
    await file.read((text) => start.add(lines.push(text)));
    start.end();
    if (live) show.out.write(latin1(lines.rest()));
    for (;;) {
      // Asked before the last reading: what was written until then is not missed.
      const over = await ended();
      await file.read((text) => {
        if (live) show.out.write(latin1(text));
        else for (const line of lines.push(text)) show.out.write(latin1(map(line)));
      });
      if (over || !(await pause(show.pollMs ?? 200, show.signal))) break;
    }
    const rest = lines.rest();
    if (rest !== '') show.out.write(latin1(map(`${rest}\n`)));
  } finally {
    await file.close();
  }
}

const plain = (line: string): string => line;
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** What was there before: its last lines, or where all are wanted each as it is read. */
function startOf(show: Show, map: (line: string) => string) {
  const write = (lines: readonly string[]) => {
    if (lines.length > 0) show.out.write(latin1(lines.map((line) => map(line)).join('')));
  };
  if (show.lines === Number.POSITIVE_INFINITY) return { add: write, end: () => {} };
  const last = new LastLines(show.lines);
  const end = () => {
    const lines = last.take();
    if (last.dropped > 0) {
      show.err.line(show.err.paint('dim', `(${last.dropped} earlier lines; -n all shows them)`));
    }
    write(lines);
  };
  return { add: (lines: readonly string[]) => last.add(lines), end };
}

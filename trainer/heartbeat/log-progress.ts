import { StringDecoder } from 'node:string_decoder';
import { type AbsoluteRule, type Counter, counterOf } from './absolute.js';
import { Novelty } from './novelty.js';
import { type PhaseLine, PhaseLines } from './phase-lines.js';
import type { Merged } from './ranks.js';

/** Regular expression sources by which progress is read from output; the first group is the value,
 * for `step` a second group is the total, unless groups are named step, total, epoch, loss. */
export interface LogPatterns {
  readonly step: string | null;
  readonly total: string | null;
  readonly epoch: string | null;
  readonly loss: string | null;
  /** Where the figures of `step` are not the run's own. */
  readonly absolute?: AbsoluteRule;
  readonly phases?: readonly PhaseLine[];
}

type Patterns = {
  readonly [K in 'step' | 'total' | 'epoch' | 'loss']: RegExp | null;
};

/** A line longer than this is judged by its end alone: a bar that is redrawn without a line end. */
const LONGEST = 4096;
const TAIL_LINES = 200;
/** A line is outlived when so many new steps were told after it was read. The first of them may have
 * been made before the line was written, and merely told late. */
const OUTLIVED = 2;

/**
 * Reads progress from a trainer's output, fed in chunks of any size. Lines end at carriage returns
 * too, since a progress bar is redrawn by them. Half a figure is never read as one, wherever the
 * output was cut.
 */
export class LogProgress {
  private decoder = new StringDecoder('utf8');
  private rest = '';
  /** The beginning of `rest` is missing. */
  private torn = false;
  private settled = true;
  private readonly patterns: Patterns;
  /** `steps`: how many new steps had been told when the line was read. */
  private readonly lines: { readonly text: string; readonly steps: number }[] = [];
  private steps = 0;
  private highest = Number.NEGATIVE_INFINITY;
  private readonly novelty = new Novelty();
  private readonly counter: Counter;
  private readonly phases: PhaseLines;

  /** `past`: all of it was written before anyone read it, so that the order of its lines is all that
   * tells what was outlived; otherwise {@link stepped} does. */
  constructor(
    patterns: LogPatterns,
    private readonly past = false,
  ) {
    // d: where each group ended, for lines that have no end yet.
    const compile = (source: string | null): RegExp | null =>
      source === null ? null : new RegExp(source, 'd');
    this.patterns = {
      step: compile(patterns.step),
      total: compile(patterns.total),
      epoch: compile(patterns.epoch),
      loss: compile(patterns.loss),
    };
    this.counter = counterOf(patterns.absolute);
    this.phases = new PhaseLines(patterns.phases);
  }

  /** Bytes of output that said something new; see {@link Novelty}. */
  get novel(): number {
    return this.novelty.bytes;
  }

  /** The newest facts in the lines this chunk completed, null when it brought none. How the output
   * was cut into chunks makes no difference. */
  feed(chunk: Buffer): Merged | null {
    const lines = (this.rest + this.decoder.write(chunk)).split(/[\r\n]/);
    this.rest = lines.pop() ?? '';
    this.settled = false;
    let found: Merged | null = null;
    for (const [i, line] of lines.entries()) {
      const whole = this.cut(line, this.torn && i === 0);
      if (whole !== '') {
        this.remember(whole);
        const facts = this.read(whole, false);
        if (this.past) this.noteStep(facts?.step ?? null);
        found = merge(found, facts);
      }
    }
    if (lines.length > 0) this.torn = false;
    if (this.rest.length > LONGEST) {
      this.rest = this.rest.slice(-LONGEST);
      this.torn = true;
    }
    return found;
  }

  /**
   * Reads the line that has no end yet, for a bar that is redrawn from its beginning; called when
   * nothing more came for a while. A figure at its very end may be half of one (a block of buffered
   * output ends anywhere) and is left for later, unless `last`: no more will come.
   */
  settle(last = false): Merged | null {
    if (this.settled && !last) return null;
    this.settled = true;
    const line = this.cut(this.rest, this.torn);
    return line === '' ? null : this.read(line, !last);
  }

  /** Output was left out here: what comes next does not go on where the last chunk ended. */
  skipped(): void {
    this.decoder = new StringDecoder('utf8');
    this.rest = '';
    this.torn = true;
  }

  /** The last lines, oldest first. */
  tail(): readonly string[] {
    const texts = this.lines.map(({ text }) => text);
    return this.rest === '' ? texts : [...texts, this.rest];
  }

  /** A new step was told, from whatever source: the trainer has outlived what it said before. */
  stepped(): void {
    this.steps += 1;
  }

  /** Those of the last lines that may tell of the trainer's end: it made no steps after them. */
  lastWords(): readonly string[] {
    const outlived = this.lines.filter(({ steps }) => this.steps - steps >= OUTLIVED).length;
    return this.tail().slice(outlived);
  }

  private noteStep(step: number | null): void {
    if (step === null || step <= this.highest) return;
    this.highest = step;
    this.stepped();
  }

  /** A line without the figure, or the half of a character, that a missing beginning left torn. */
  private cut(line: string, torn: boolean): string {
    if (!torn && line.length <= LONGEST) return line;
    return line.slice(-LONGEST).replace(/^[^\s|]*/, '');
  }

  private remember(line: string): void {
    this.novelty.take(line);
    this.lines.push({ text: line, steps: this.steps });
    if (this.lines.length > TAIL_LINES) this.lines.splice(0, this.lines.length - TAIL_LINES);
  }

  private read(line: string, unfinished: boolean): Merged | null {
    // Half a line may say something else than the whole one will.
    if (!unfinished) this.counter.take(line);
    const step = this.patterns.step?.exec(line) ?? null;
    const whole = (place: Place | null): number | null =>
      place === null || (unfinished && place.end === line.length) ? null : figure(place.text);
    const own = (key: 'total' | 'epoch' | 'loss'): Place | null => {
      const match = this.patterns[key]?.exec(line) ?? null;
      return placeOf(match, key) ?? placeOf(match, 1);
    };
    const second = step?.groups === undefined ? placeOf(step, 2) : null;
    const n = whole(placeOf(step, 'step') ?? placeOf(step, 1));
    const of = whole(placeOf(step, 'total') ?? own('total') ?? second);
    if (n !== null) this.phases.onBar(n);
    if (!unfinished) this.phases.onLine(line);
    const found: Merged = {
      step: n === null ? null : this.counter.step(n, of),
      total: this.counter.total(of),
      epoch: whole(placeOf(step, 'epoch') ?? own('epoch')),
      loss: whole(placeOf(step, 'loss') ?? own('loss')),
      phases: this.phases.news(),
    };
    const { step: at, total, epoch, loss, phases } = found;
    return (at ?? total ?? epoch ?? loss ?? phases) === null ? null : found;
  }
}

/** A group's text and where in the line it ended. */
interface Place {
  readonly text: string;
  readonly end: number;
}

function placeOf(match: RegExpExecArray | null, group: number | string): Place | null {
  const text = typeof group === 'number' ? match?.[group] : match?.groups?.[group];
  const at = typeof group === 'number' ? match?.indices?.[group] : match?.indices?.groups?.[group];
  return text === undefined || at === undefined ? null : { text, end: at[1] };
}

/** The later facts, and the earlier ones where the later say nothing. */
export function merge(earlier: Merged | null, later: Merged | null): Merged | null {
  if (earlier === null || later === null) return later ?? earlier;
  return {
    step: later.step ?? earlier.step,
    total: later.total ?? earlier.total,
    epoch: later.epoch ?? earlier.epoch,
    loss: later.loss ?? earlier.loss,
    phases: later.phases ?? earlier.phases,
  };
}

/** Null for what is no figure. Commas between thousands are left out, and punctuation after it. */
function figure(text: string): number | null {
  if (/^[-+]?(nan|inf)/i.test(text)) return Number.NaN;
  const bare = text.trim().replace(/[.,]+$/, '');
  if (bare === '') return null;
  const thousands = /^[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/.test(bare);
  const value = Number(thousands ? bare.replaceAll(',', '') : bare);
  return Number.isFinite(value) ? value : null;
}

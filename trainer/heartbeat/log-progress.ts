import { StringDecoder } from 'node:string_decoder';
import type { Merged } from './ranks.js';

/** Regular expression sources by which progress is read from output; the first group is the value,
 * for `step` a second group is the total, unless groups are named step, total, epoch, loss. */
export interface LogPatterns {
  readonly step: string | null;
  readonly total: string | null;
  readonly epoch: string | null;
  readonly loss: string | null;
}

/** A line longer than this is judged by its end alone: a bar that is redrawn without a line end. */
const LONGEST = 4096;
const TAIL_LINES = 200;

/**
 * Reads progress from a trainer's output, fed in chunks of any size. Lines end at carriage returns
 * too, since a progress bar is redrawn by them.
 */
export class LogProgress {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';
  private settled = true;
  private readonly patterns: { readonly [K in keyof LogPatterns]: RegExp | null };
  private readonly lines: string[] = [];
  private shape = '';
  /** Bytes of lines that were not merely the line before with other figures: a redrawn bar is no
   * sign of life, since tqdm's monitor thread may redraw it while the loop is wedged. */
  novel = 0;

  constructor(patterns: LogPatterns) {
    const compile = (source: string | null): RegExp | null =>
      source === null ? null : new RegExp(source);
    this.patterns = {
      step: compile(patterns.step),
      total: compile(patterns.total),
      epoch: compile(patterns.epoch),
      loss: compile(patterns.loss),
    };
  }

  /** The newest facts in the lines this chunk completed, null when it brought none. How the output
   * was cut into chunks makes no difference. */
  feed(chunk: Buffer): Merged | null {
    const text = this.rest + this.decoder.write(chunk);
    const lines = text.split(/[\r\n]+/);
    this.rest = lines.pop() ?? '';
    if (this.rest.length > LONGEST) this.rest = this.rest.slice(-LONGEST);
    this.settled = false;
    let found: Merged | null = null;
    for (const line of lines) {
      this.remember(line);
      found = merge(found, this.read(line));
    }
    return found;
  }

  /** Reads the line that has no end yet, for a bar that is redrawn from its beginning; called when
   * nothing more came for a while, since half a figure is a wrong figure. */
  settle(): Merged | null {
    if (this.settled || this.rest === '') return null;
    this.settled = true;
    return this.read(this.rest);
  }

  /** The last lines, oldest first. */
  tail(): readonly string[] {
    return this.rest === '' ? this.lines : [...this.lines, this.rest];
  }

  private remember(line: string): void {
    if (line === '') return;
    const shape = line.replace(/[\d.,:%█▏▎▍▌▋▊▉#|\s-]+/g, '');
    if (shape !== this.shape) this.novel += line.length + 1;
    this.shape = shape;
    this.lines.push(line.slice(-LONGEST));
    if (this.lines.length > TAIL_LINES) this.lines.splice(0, this.lines.length - TAIL_LINES);
  }

  private read(line: string): Merged | null {
    const step = this.patterns.step?.exec(line) ?? null;
    const named = step?.groups ?? {};
    const found: Merged = {
      step: figure(named['step'] ?? step?.[1]),
      total: figure(
        named['total'] ??
          this.patterns.total?.exec(line)?.[1] ??
          (step?.groups === undefined ? step?.[2] : undefined),
      ),
      epoch: figure(named['epoch'] ?? this.patterns.epoch?.exec(line)?.[1]),
      loss: figure(named['loss'] ?? this.patterns.loss?.exec(line)?.[1]),
      phases: null,
    };
    return found.step === null &&
      found.total === null &&
      found.epoch === null &&
      found.loss === null
      ? null
      : found;
  }
}

/** The later facts, and the earlier ones where the later say nothing. */
export function merge(earlier: Merged | null, later: Merged | null): Merged | null {
  if (earlier === null || later === null) return later ?? earlier;
  return {
    step: later.step ?? earlier.step,
    total: later.total ?? earlier.total,
    epoch: later.epoch ?? earlier.epoch,
    loss: later.loss ?? earlier.loss,
    phases: null,
  };
}

function figure(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^[-+]?(nan|inf)/i.test(text)) return Number.NaN;
  const value = Number(text.replaceAll(',', ''));
  return Number.isFinite(value) ? value : null;
}

/** A line that shows which phase a trainer has entered; null when it ended the one it was in. */
export interface PhaseLine {
  readonly phase: string | null;
  /** Source of a regular expression. */
  readonly line: string;
}

/** Follows the phases of a trainer that names none by the lines it prints. A new step ends each. */
export class PhaseLines {
  private readonly lines: readonly { phase: string | null; line: RegExp }[];
  private open: string | null = null;
  private told: string | null | undefined;
  private step: number | null = null;

  constructor(lines: readonly PhaseLine[] = []) {
    this.lines = lines.map(({ phase, line }) => ({ phase, line: new RegExp(line) }));
  }

  /** `n`: the bar's own figure. The first one seen is where an attempt begins, no step of it. */
  onBar(n: number): void {
    if (this.step !== null && n > this.step) this.open = null;
    if (this.step === null || n > this.step) this.step = n;
  }

  onLine(line: string): void {
    const found = this.lines.find(({ line: pattern }) => pattern.test(line));
    if (found !== undefined) this.open = found.phase;
  }

  /** The open phases when they changed since they were last asked for, null otherwise. */
  news(): readonly string[] | null {
    if (this.open === (this.told ?? null)) return null;
    this.told = this.open;
    return this.open === null ? [] : [this.open];
  }
}

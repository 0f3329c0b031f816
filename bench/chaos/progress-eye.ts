import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A step, and when it was made (Unix seconds). */
export interface Made {
  readonly attempt: number;
  readonly step: number;
  readonly time: number;
}

/**
 * What the trainer itself knows of its steps, apart from any supervisor: its own trace with its own
 * clock, or else its heartbeat file, whose change is timed by us.
 */
export class ProgressEye {
  readonly made: Made[] = [];
  private read = 0;
  private lines = 0;

  constructor(
    private readonly trace: string | null,
    private readonly attempts: string,
  ) {}

  get step(): number {
    return this.made.at(-1)?.step ?? 0;
  }

  look(): void {
    if (this.trace === null) this.lookAtHeartbeat();
    else this.lookAtTrace(this.trace);
  }

  private lookAtTrace(path: string): void {
    const text = readIfThere(path);
    if (text === null || text.length === this.read) return;
    this.read = text.length;
    // Its last piece may be half a line.
    const whole = text.split('\n').slice(0, -1);
    for (const line of whole.slice(this.lines)) {
      const { attempt, step, time } = parse(line);
      if (attempt !== undefined && step !== undefined && time !== undefined)
        this.made.push({ attempt, step, time });
    }
    this.lines = whole.length;
  }

  private lookAtHeartbeat(): void {
    const attempt = newestAttempt(this.attempts);
    const text = readIfThere(join(this.attempts, String(attempt), 'heartbeat', 'rank-0.json'));
    if (text === null) return;
    const { step } = parse(text);
    const last = this.made.at(-1);
    if (step === undefined || (last?.attempt === attempt && last.step === step)) return;
    this.made.push({ attempt, step, time: Date.now() / 1000 });
  }
}

/** The highest number of an attempt's folder; 0 for none. */
export function newestAttempt(attempts: string): number {
  try {
    return Math.max(0, ...readdirSync(attempts).map(Number).filter(Number.isFinite));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

function parse(text: string): Partial<Made> {
  try {
    return JSON.parse(text) as Partial<Made>;
  } catch {
    return {}; // Torn by a kill in the middle of the write: no step that anyone could rely on.
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

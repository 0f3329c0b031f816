import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../../daemon/cli/wait.js';
import type { Entry } from '../../daemon/core/index.js';
import { Hands } from './hands.js';
import type { Home } from './home.js';
import { JournalEye } from './journal-eye.js';
import type { Keeper } from './keeper.js';
import { type Deed, type Plan, sayWhat } from './plan.js';
import { type Made, ProgressEye } from './progress-eye.js';

const LOOK_MS = 10;

/** The eyes of a run, and the deeds that wait for what they see. */
export class Stage {
  readonly done: { deed: Deed; time: number }[] = [];
  readonly wrong: string[] = [];
  private readonly journal: JournalEye;
  private readonly progress: ProgressEye;
  private readonly hands: Hands;
  private readonly happened = new Map<string, number>();
  private timer: NodeJS.Timeout | null = null;
  private deeds: Promise<unknown> = Promise.resolve();

  constructor(
    home: Home,
    private readonly plan: Plan,
    keeper: Keeper,
    private readonly over: AbortSignal,
  ) {
    this.journal = new JournalEye(home.state, ({ type }) => {
      this.happened.set(type, (this.happened.get(type) ?? 0) + 1);
    });
    const trace = plan.program.kind === 'reference' ? null : join(home.work, 'trace.jsonl');
    this.progress = new ProgressEye(trace, home.attempts);
    this.hands = new Hands(home, keeper);
  }

  get entries(): Entry[] {
    return [...this.journal.entries.values()].sort((a, b) => a.seq - b.seq);
  }

  get made(): readonly Made[] {
    return this.progress.made;
  }

  begin(): void {
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.deeds = Promise.all(this.plan.deeds.map((deed) => this.wait(deed)));
  }

  async settled(): Promise<void> {
    await this.deeds;
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.look();
    this.journal.close();
    this.wrong.push(...this.journal.wrong);
  }

  private look(): void {
    this.journal.look();
    this.progress.look();
  }

  private async wait(deed: Deed): Promise<void> {
    try {
      const due = await waitFor(() => (this.isDue(deed) ? true : null), Number.POSITIVE_INFINITY, {
        everyMs: LOOK_MS / 2,
        signal: this.over,
      });
      if (due === null || !(await this.pause(deed.when.after_ms))) return;
      const time = Date.now() / 1000;
      if (!(await this.hands.carryOut(deed.what, this.over))) return;
      this.done.push({ deed, time });
      if (deed.what.do === 'fill') await this.empty(deed.what.until, deed.what.for_ms);
    } catch (error) {
      this.wrong.push(`${sayWhat(deed.what)}: ${(error as Error).message}`);
    }
  }

  private isDue({ when }: Deed): boolean {
    if (when.at === 'time') return true;
    if (when.at === 'step') return this.progress.step >= when.step;
    return (this.happened.get(when.type) ?? 0) >= when.nth;
  }

  private async empty(until: string | null, for_ms: number): Promise<void> {
    const so = () => (until !== null && this.happened.has(until) ? true : null);
    await waitFor(so, for_ms, { everyMs: LOOK_MS, signal: this.over });
    this.hands.makeRoom();
  }

  private async pause(ms: number): Promise<boolean> {
    if (ms > 0) await delay(ms, undefined, { signal: this.over }).catch(() => undefined);
    return !this.over.aborted;
  }
}

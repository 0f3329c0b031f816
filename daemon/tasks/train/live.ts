import type { ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createVolumeProbe, type VolumeProbe } from '../../../healthchecks/index.js';
import {
  type HeartbeatWatcher,
  LogFollower,
  type Merged,
  watchHeartbeats,
} from '../../../trainer/heartbeat/index.js';
import {
  anyStopped,
  capLog,
  type Exit,
  lookAt,
  type ProcessRef,
  stateLetter,
  type Target,
  untilExit,
} from '../../../trainer/process/index.js';
import { type Beat, waitsForStorage } from '../../core/index.js';
import { scanCheckpoints } from './checkpoints.js';
import type { Surroundings } from './context.js';
import { OpenPhases, type Teller } from './open-phases.js';

const CAP_EVERY_SECONDS = 10;
/** Without a new step for so long, the whole group is looked at for a stopped process so often. */
const QUIET_SECONDS = 1;
const GROUP_EVERY_SECONDS = 0.5;

/** One living attempt under watch. Ends its watching by {@link close}, never the trainer. */
export class Live {
  readonly target: Target;
  /** The trainer's end; null when its status was never seen. */
  readonly ended: Promise<Exit | null>;
  private readonly heartbeats: HeartbeatWatcher | null;
  private readonly follower: LogFollower;
  private readonly abort = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private readonly volume: VolumeProbe = createVolumeProbe();
  private readonly due = { scan: 0, cap: 0, group: 0 };
  private stopped = false;
  private newsAt = performance.now() / 1000;
  private readonly phases = new OpenPhases();
  private lastStep: number | null = null;
  private highest = Number.NEGATIVE_INFINITY;
  private isOver = false;
  private readingSince = 0;
  private working: Promise<void> | null = null;
  private scanning: Promise<void> | null = null;

  constructor(
    private readonly at: Surroundings,
    readonly attempt: number,
    shepherd: ProcessRef,
    readonly trainer: ProcessRef,
    child: ChildProcess | null,
  ) {
    const dir = at.paths.attempt(attempt);
    this.target = { lineage: at.lineage, shepherd, since: shepherd.start_ticks };
    this.ended = untilExit({ dir, shepherd, trainer, child }, this.abort.signal);
    this.follower = new LogFollower(at.paths.log(attempt), at.plan.log);
    this.heartbeats = at.plan.heartbeat === 'log' ? null : this.watchFiles(join(dir, 'heartbeat'));
    this.timer = setInterval(() => this.poll(), at.settings.poll_seconds * 1000);
  }

  /** Reads everything that was left unread; the trainer is dead, so nothing more comes. Its last line
   * needs no end if it was not torn off (`whole`). Returns those of the last lines of its output that
   * it made no steps after. */
  async drain(whole: boolean): Promise<readonly string[]> {
    this.isOver = true;
    // A read or a cut of the log may be under way.
    await this.working;
    await this.heartbeats?.refresh();
    this.tell('log', await this.follower.poll());
    if (whole) this.tell('log', await this.follower.finish());
    return this.follower.lastWords();
  }

  /** Looks at the whole process group from outside. */
  observe(): void {
    const { cpu_seconds, io_bytes, storage_wait } = lookAt(this.target);
    this.askVolumes();
    void this.at.observe({
      is: 'outside',
      job: this.at.name,
      attempt: this.attempt,
      cpu_seconds,
      io_bytes,
      log_bytes: this.follower.novel,
      gpu_ratio: this.at.gpuRatio(),
      storage_wait: waitsForStorage({
        waits: storage_wait,
        reading_seconds: this.readsFor(),
        volume: this.volume.state(),
      }),
    });
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.volume.close();
    this.abort.abort();
    await this.heartbeats?.close();
    await this.follower.close();
  }

  /** Only while it is suspected: a write to somebody's volume is more than a look. */
  private askVolumes(): void {
    const job = this.at.job();
    if (job === undefined || job.suspect === null) return;
    const saves = job.checkpoint === null ? [] : [dirname(job.checkpoint.path)];
    this.volume.ask([this.at.plan.cwd, ...saves]);
  }

  private watchFiles(dir: string): HeartbeatWatcher {
    const { settings, log, name } = this.at;
    return watchHeartbeats({
      dir,
      attempt: this.attempt,
      polling: settings.polling,
      poll_seconds: settings.poll_seconds,
      backstop_seconds: settings.backstop_seconds,
      onBeat: (merged) => this.tell('files', merged),
      onProblem: (file, problem) => log.warn(`${name}: heartbeat ${file}: ${problem}`),
    });
  }

  private poll(): void {
    const now = performance.now() / 1000;
    const letter = stateLetter(this.trainer);
    const { name } = this.at;
    if (letter !== null) {
      const seen = letter === 'T' || this.groupStopped(now) ? 'T' : letter;
      void this.at.observe({ is: 'process_state', job: name, attempt: this.attempt, letter: seen });
    }
    // One at a time: on a stalled volume a read may take longer than the poll.
    if (this.working === null) {
      this.readingSince = now;
      this.working = this.read().finally(() => {
        this.working = null;
      });
    }
    if (now >= this.due.scan && this.scanning === null) {
      this.due.scan = now + this.at.settings.scan_seconds;
      this.scanning = this.guard(
        'looking for checkpoints',
        scanCheckpoints(this.at, this.attempt, this.abort.signal),
      ).finally(() => {
        this.scanning = null;
      });
    }
  }

  /** Looks at the whole group for a stopped process, now and then while there is no news of it. */
  private groupStopped(now: number): boolean {
    if (now < this.due.group) return this.stopped;
    this.due.group = now + GROUP_EVERY_SECONDS;
    this.stopped = now - this.newsAt >= QUIET_SECONDS && anyStopped(this.target);
    return this.stopped;
  }

  /** Seconds for which the reading now under way has not come back: it is on the same volume. */
  private readsFor(): number {
    return this.working === null ? 0 : performance.now() / 1000 - this.readingSince;
  }

  private async read(): Promise<void> {
    await this.guard(
      'reading its output',
      this.follower.poll().then((facts) => this.tell('log', facts)),
    );
    const now = performance.now() / 1000;
    if (now < this.due.cap) return;
    this.due.cap = now + CAP_EVERY_SECONDS;
    await this.guard('keeping its log small', this.cap());
  }

  private async cap(): Promise<void> {
    const capped = await capLog(this.at.paths.log(this.attempt), this.at.settings.log_max_bytes);
    if (capped !== null) this.follower.moved(capped.from, capped.dropped);
  }

  private async guard(doing: string, work: Promise<void>): Promise<void> {
    await work.catch((error: Error) => {
      if (!this.abort.signal.aborted)
        this.at.log.warn(`${this.at.name}: ${doing}: ${error.message}`);
    });
  }

  private tell(from: Teller, facts: Merged | null): void {
    if (facts === null) return;
    const beat: Beat = { ...facts, phases: this.phases.heard(from, facts.phases) };
    if (beat.step !== this.lastStep) {
      this.lastStep = beat.step;
      this.newsAt = performance.now() / 1000;
    }
    this.outlive(facts.step);
    void this.at.observe({ is: 'beat', job: this.at.name, attempt: this.attempt, beat });
  }

  /** What it said before a new step was not its end. Of steps that are read only after its end nobody
   * knows whether they were made before its last words: a buffer is written out last. */
  private outlive(step: number | null): void {
    if (step === null || step <= this.highest) return;
    this.highest = step;
    if (!this.isOver) this.follower.stepped();
  }
}

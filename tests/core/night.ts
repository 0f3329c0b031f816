import {
  type Beat,
  type Command,
  type Core,
  decide,
  type Entry,
  type Event,
  type EventOf,
  type EventType,
  fold,
  initialCore,
  type Job,
  type JobSpec,
  type Observation,
  PHASES,
  type Policy,
  type ProcessRef,
} from '../../daemon/core/index.js';

/** Every phase with the same figure. */
export const each = (seconds: number): Record<(typeof PHASES)[number], number> =>
  Object.fromEntries(PHASES.map((phase) => [phase, seconds])) as Record<
    (typeof PHASES)[number],
    number
  >;

export const policy: Policy = {
  hang: {
    floor_seconds: 10,
    defaults: each(600),
    ceilings: each(3600),
    min_samples: 8,
    factor: 3,
    idle_cpu: 0.1,
    confirm_seconds: 2,
    idle_seconds: 30,
    network_seconds: 30,
    livelock_seconds: 900,
  },
  retry: {
    limits: { crash: 3, hang: 3 },
    ceiling: 8,
    backoff: { first_seconds: 1, factor: 2, max_seconds: 60 },
  },
};

export const spec = (over: Partial<JobSpec> = {}): JobSpec => ({
  name: 'lora',
  trainer: 'command',
  target_step: 100,
  has_artefact: true,
  plan: {},
  profile: 'p',
  ...over,
});

export const ref = (pid: number): ProcessRef => ({ pid, start_ticks: pid, boot_id: 'boot' });

/** A night played on a hand-held clock: what the edges would tell, and what came of it. */
export class Night {
  core: Core = initialCore();
  readonly events: Event[] = [];
  readonly entries: Entry[] = [];
  commands: Command[] = [];
  mono = 1000;
  wall = 1_700_000_000;

  constructor(readonly rules: Policy = policy) {}

  see(seen: Observation): this {
    const before = this.core.state.seq;
    const decision = decide(this.core, seen, { mono: this.mono, wall: this.wall }, this.rules);
    this.core = decision.core;
    decision.events.forEach((event, i) => {
      this.events.push(event);
      this.entries.push({ ...event, seq: before + i + 1, time: this.wall });
    });
    this.commands = [...decision.commands];
    return this;
  }

  /** Lets time pass and the clocks be read four times a second. */
  pass(seconds: number, meanwhile: () => void = () => {}): this {
    for (let left = seconds; left > 1e-9; left -= 0.25) {
      this.skip(Math.min(0.25, left));
      meanwhile();
      this.see({ is: 'tick' });
    }
    return this;
  }

  skip(seconds: number): this {
    this.mono += seconds;
    this.wall += seconds;
    return this;
  }

  /** Queues the job and brings its first attempt to life. */
  start(over: Partial<JobSpec> = {}): this {
    this.see({ is: 'queue', spec: spec(over) });
    this.see({ is: 'prepared', job: 'lora', from: null });
    return this.spawned();
  }

  spawned(): this {
    const attempt = this.job.attempt;
    return this.see({
      is: 'spawned',
      job: 'lora',
      attempt,
      shepherd: ref(attempt * 10),
      trainer: ref(attempt * 10 + 1),
    });
  }

  beat(beat: Partial<Beat>): this {
    const whole = { step: null, total: null, epoch: null, loss: null, phases: null, ...beat };
    return this.see({ is: 'beat', job: 'lora', attempt: this.job.attempt, beat: whole });
  }

  /** `n` steps of `seconds` each, from where the attempt stands. */
  steps(n: number, seconds: number): this {
    for (let i = 0; i < n; i += 1) {
      this.skip(seconds);
      const stands = this.core.watches['lora']?.last_step ?? 0;
      this.beat({ step: stands + 1 });
      this.see({ is: 'tick' });
    }
    return this;
  }

  /** What the process group looks like from outside, `seconds` of it, idle or busy. */
  outside(cpu_seconds: number, log_bytes = 0, storage_wait = false): this {
    return this.see({
      is: 'outside',
      job: 'lora',
      attempt: this.job.attempt,
      cpu_seconds,
      io_bytes: 0,
      log_bytes,
      gpu_ratio: null,
      storage_wait,
    });
  }

  exit(
    exit: { code: number } | { signal: string } | null,
    over: Partial<Extract<Observation, { is: 'exited' }>> & {
      tail?: string[];
      artefact?: 'whole' | 'torn' | 'absent' | 'nan';
    } = {},
  ): this {
    const { tail = [], artefact = 'absent', ...rest } = over;
    const seen =
      exit === null
        ? null
        : 'code' in exit
          ? { code: exit.code, signal: null }
          : { code: null, signal: exit.signal };
    return this.see({
      is: 'exited',
      job: 'lora',
      attempt: this.job.attempt,
      ending: { exit: seen, tail, artefact, rebooted: false, oom_killed: false },
      from: null,
      artefact_path: '/out/lora.safetensors',
      ...rest,
    });
  }

  get job(): Job {
    const job = this.core.state.jobs['lora'];
    if (job === undefined) throw new Error('no job was queued');
    return job;
  }

  of<T extends EventType>(type: T): EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> => event.type === type);
  }

  does(what: Command['do']): boolean {
    return this.commands.some((command) => command.do === what);
  }

  /** The state as a restarted daemon would have it: by way of JSON. */
  rebuilt(): unknown {
    return fold(JSON.parse(JSON.stringify(this.entries)) as Entry[]);
  }
}

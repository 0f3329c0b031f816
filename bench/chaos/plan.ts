import type { Cause, EventType } from '../../daemon/core/index.js';

/** One run: what trains, what befalls it, and how it has to end. A function of seed and number. */
export interface Plan {
  readonly seed: number;
  readonly n: number;
  readonly scenario: string;
  readonly program: Program;
  /** What is done to it from outside. */
  readonly deeds: readonly Deed[];
  /** Sections of the home's configuration beyond `http.port`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The job's own `hang` section. */
  readonly hang?: Readonly<Record<string, unknown>>;
  /** A small volume of its own mounted on a folder of the home. */
  readonly volume?: { readonly folder: 'outputs' | 'state'; readonly mib: number };
  readonly expected: Expected;
  /** What attempts may end of. Anything else is a verdict without a reason: a false alarm. */
  readonly causes: readonly Cause[];
  /** Events without which the fault went by unseen. */
  readonly must: readonly (EventType | readonly EventType[])[];
  readonly limit_seconds: number;
}

/** `identical`: the same bytes as a run that nothing befell. */
export type Expected =
  | { readonly is: 'identical' }
  | { readonly is: 'refused'; readonly cause: Cause };

interface Pace {
  readonly steps: number;
  readonly step_seconds: number;
  readonly save_every: number;
  /** KIND@STEP, in the program itself; `!` behind it: in every attempt. */
  readonly faults: readonly string[];
}

export type Program =
  | (Pace & { readonly kind: 'reference'; readonly seed: number; readonly lr?: number })
  | (Pace & { readonly kind: 'python'; readonly beats: boolean })
  | (Pace & { readonly kind: 'shell' })
  | (Pace & { readonly kind: 'node' });

export interface Deed {
  readonly what: What;
  readonly when: When;
}

export type Whom = 'trainer' | 'shepherd' | 'daemon';

export type What =
  /** SIGKILL to each, at once. A daemon is started again after `back_ms`. */
  | { readonly do: 'kill'; readonly whom: readonly Whom[]; readonly back_ms: number }
  | { readonly do: 'stop'; readonly whom: 'trainer' | 'group' | 'shepherd' }
  /** SIGSTOP to the daemon, to the trainer's group too if all is to sleep, and SIGCONT after a while. */
  | { readonly do: 'freeze'; readonly all: boolean; readonly for_ms: number }
  /** Starts a second daemon on the same home, which has to give up by itself. */
  | { readonly do: 'rival' }
  /** Tears a file of the newest checkpoint and kills the trainer, the daemon too if it is to be found
   * by the next one. */
  | { readonly do: 'tear'; readonly file: string; readonly how: Tear; readonly daemon: boolean }
  /** Fills the run's volume; room is made again when `until` was seen, or after `for_ms`. */
  | { readonly do: 'fill'; readonly until: EventType | null; readonly for_ms: number };

export type Tear =
  | { readonly is: 'cut'; readonly part: number }
  | { readonly is: 'zeros'; readonly part: number }
  /** A page of zeros in the middle: what a power cut leaves of a page that was never written. */
  | { readonly is: 'hole'; readonly part: number }
  | { readonly is: 'missing' }
  | { readonly is: 'empty' };

export type When =
  | { readonly at: 'step'; readonly step: number; readonly after_ms: number }
  | {
      readonly at: 'event';
      readonly type: EventType;
      readonly nth: number;
      readonly after_ms: number;
    }
  | { readonly at: 'time'; readonly after_ms: number };

/** A plan's faults in words, one a fault. */
export function faultsOf(plan: Plan): string[] {
  return [...plan.program.faults, ...plan.deeds.map((deed) => `${sayWhat(deed.what)} ${at(deed)}`)];
}

export function sayWhat(what: What): string {
  switch (what.do) {
    case 'kill':
      return `kill -9 ${what.whom.join('+')}`;
    case 'stop':
      return `SIGSTOP ${what.whom}`;
    case 'rival':
      return 'a second daemon';
    case 'freeze':
      return `SIGSTOP daemon${what.all ? '+group' : ''} for ${what.for_ms} ms`;
    case 'tear': {
      const part = 'part' in what.how ? ` at ${Math.round(what.how.part * 100)} %` : '';
      return `tear ${what.file}: ${what.how.is}${part}, kill -9 trainer${what.daemon ? '+daemon' : ''}`;
    }
    case 'fill':
      return 'fill the disk';
  }
}

function at({ when }: Deed): string {
  const after = `+${when.after_ms} ms`;
  if (when.at === 'step') return `at step ${when.step} ${after}`;
  if (when.at === 'event') return `at ${when.type} #${when.nth} ${after}`;
  return `at ${when.after_ms} ms`;
}

import type { Cause } from '../causes.js';

/** What a night decided, or what today's rules would have decided of it. */
export type Fact = Doubt | Outcome;

/** A suspicion, or a hang: that is, a kill. */
export interface Doubt {
  readonly kind: 'suspicion' | 'hang';
  readonly attempt: number;
  /** Unix seconds, by the clock of the night. */
  readonly time: number;
  readonly phase: string;
  readonly silent_seconds: number;
  readonly why: string | null;
  /** What ended the silence. Only `progress` proves that nothing hung. */
  readonly ended_by: 'progress' | 'kill' | 'exit' | 'rearm' | 'nothing known';
  /** A verdict of today's rules that rests on no more than that all went on as it was last seen. */
  readonly presumed: boolean;
}

/** What an attempt's end was taken for, and what was done about it. */
export interface Outcome {
  readonly kind: 'ending';
  readonly attempt: number;
  readonly time: number;
  readonly cause: Cause | 'done' | 'stopped';
  readonly followed_by: Then;
  readonly reason: string;
}

export type Then = 'restart' | 'give up' | 'hold' | 'finish' | 'stop' | 'nothing';

export interface Difference {
  readonly kind: Fact['kind'];
  readonly how: 'earlier' | 'later' | 'not at all' | 'new' | 'otherwise';
  /** How much earlier or later; null for the others. */
  readonly seconds: number | null;
  readonly recorded: Fact | null;
  readonly today: Fact | null;
}

export interface ReplayedJob {
  readonly name: string;
  readonly recorded: readonly Fact[];
  readonly today: readonly Fact[];
  readonly differences: readonly Difference[];
}

/** `nightwarden replay --json`. */
export interface Replay {
  /** Journal entries that were read. */
  readonly events: number;
  /** Unix seconds of the first and the last of them. */
  readonly from: number;
  readonly to: number;
  readonly jobs: readonly ReplayedJob[];
  /** Recorded suspicions that progress ended, and how many of them today's rules do not raise. */
  readonly false_alarms: number;
  readonly false_alarms_gone: number;
  /** Recorded hangs, and how many of them today's rules would not confirm at all. */
  readonly kills: number;
  readonly kills_gone: number;
  /** Hangs that today's rules would confirm although the trainer then made progress. */
  readonly would_be_kills: number;
  /** What the journal does not hold, in words. */
  readonly unknown: readonly string[];
}

/** Why an attempt ended otherwise than well. Metrics, mail and budgets are keyed by these names. */
export const CAUSES = [
  'crash',
  'hang',
  'oom',
  'host_oom',
  'disk_full',
  'nan',
  'corrupt',
  'exit_early',
  'permanent',
  'host_bad',
  'reboot',
  'lost',
  'network',
  'preempted',
] as const;

export type Cause = (typeof CAUSES)[number];

/** Why an attempt was made at all: the first, one asked for by a person, or a failure before it. */
export type AttemptReason = 'start' | 'resume' | Cause;

/** Failures against which a job may declare knobs: arguments that make its next attempt smaller, or
 * differently seeded. */
export type Knob = 'oom' | 'host_oom' | 'nan';

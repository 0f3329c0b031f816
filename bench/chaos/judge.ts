import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from '../../daemon/core/index.js';
import { type Baselines, sha256 } from './baseline.js';
import { invocation } from './jobs.js';
import type { Night } from './night.js';
import { faultsOf, type Plan } from './plan.js';
import { journalFaults } from './proof.js';
import { type Sample, samplesOf } from './samples.js';

export interface Account {
  readonly n: number;
  readonly seed: number;
  readonly scenario: string;
  readonly program: string;
  readonly faults: readonly string[];
  /** Events of note, in order. */
  readonly seen: readonly string[];
  /** From the trainer's last step to each verdict. */
  readonly detection_seconds: readonly number[];
  readonly recovery_seconds: readonly number[];
  readonly outcome: string;
  readonly expected: string;
  readonly wrong: string | null;
  readonly seconds: number;
  readonly samples: readonly Sample[];
}

/** Faults after which no step is made and the trainer lives on. */
const HANGS = /^(hang|hang-deaf|deaf|lock|gil|gil-spin|livelock|orphan-hang|stuck-save|lost)@/;

/** Holds what was seen of a run against what its plan asked for. */
export async function judge(night: Night, baselines: Baselines): Promise<Account> {
  const { plan, entries } = night;
  const { outcome, right } = await outcomeOf(night, baselines);
  const wrong = [
    ...night.wrong,
    ...(right ? [] : [`it ended ${outcome}, expected: ${expectedOf(plan)}`]),
    ...groundless(plan, entries),
    ...unseen(night),
    ...(await journalFaults(night).catch((error: Error) => [`journal: ${error.message}`])),
  ];
  const samples = samplesOf(night);
  const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;
  return {
    n: plan.n,
    seed: plan.seed,
    scenario: plan.scenario,
    program: plan.program.kind,
    faults: faultsOf(plan),
    seen: entries.map(noteworthy).filter((text) => text !== null),
    detection_seconds: samples.filter(({ of }) => of !== 'stopped').map((s) => rounded(s.seconds)),
    recovery_seconds: entries.flatMap((e) => (e.type === 'recovered' ? [rounded(e.seconds)] : [])),
    outcome,
    expected: expectedOf(plan),
    wrong: wrong.length === 0 ? null : wrong.join('; '),
    seconds: rounded(night.seconds),
    samples,
  };
}

export function expectedOf({ expected }: Plan): string {
  return expected.is === 'identical' ? 'identical' : `refused: ${expected.cause}`;
}

async function outcomeOf(night: Night, baselines: Baselines) {
  const { plan, last, over, home, entries } = night;
  const { expected, program } = plan;
  if (!over) return { outcome: `not within ${plan.limit_seconds} s`, right: false };
  if (last?.state === 'failed') {
    const end = entries.findLast((entry) => entry.type === 'job_failed');
    const cause = end?.type === 'job_failed' ? end.cause : 'unknown';
    const right = expected.is === 'refused' && expected.cause === cause;
    return { outcome: `refused: ${cause}`, right };
  }
  if (last?.state !== 'finished') return { outcome: String(last?.state), right: false };
  const { artefact } = invocation(program, home.work, false);
  const folder = program.kind === 'reference' ? join(home.root, 'outputs') : home.work;
  const path = join(folder, artefact);
  if (!existsSync(path)) return { outcome: 'finished without its result', right: false };
  if (expected.is === 'refused') return { outcome: 'finished', right: false };
  const same = sha256(path) === (await baselines.of(program, entries));
  return { outcome: same ? 'identical' : 'finished with other bytes', right: same };
}

/** Verdicts that nothing was done for. */
function groundless(
  { causes, program, deeds, expected }: Plan,
  entries: readonly Entry[],
): string[] {
  const wrong: string[] = [];
  const allowed: readonly string[] = [...causes, 'done', 'stopped'];
  let attempts = 0;
  let hangs = 0;
  for (const entry of entries) {
    if (entry.type === 'attempt_ended' && !allowed.includes(entry.cause))
      wrong.push(`attempt ${entry.attempt} ended of ${entry.cause} (${entry.reason}) without one`);
    if (entry.type === 'hang_confirmed') hangs += 1;
    if (entry.type !== 'attempt_starting') continue;
    if (entry.attempt <= attempts) wrong.push(`attempt ${entry.attempt} was started twice`);
    attempts = entry.attempt;
  }
  const planned = program.faults.filter((fault) => HANGS.test(fault)).length;
  if (hangs > planned) wrong.push(`${hangs} hangs confirmed where ${planned} were made`);
  const most = 2 + 2 * (program.faults.length + deeds.length);
  // A refusal comes after so many tries as the budget of its cause allows.
  if (expected.is === 'identical' && attempts > most)
    wrong.push(`${attempts} attempts for so few faults`);
  return wrong;
}

/** Faults that went by unseen. */
function unseen({ plan, entries, done }: Night): string[] {
  if (plan.deeds.some((deed) => !done.some((one) => one.deed === deed))) return [];
  const seen = new Set(entries.map(({ type }) => type));
  return plan.must
    .map((types) => [types].flat())
    .filter((types) => !types.some((type) => seen.has(type)))
    .map((types) => `no ${types.join(' or ')} was seen`);
}

function noteworthy(entry: Entry): string | null {
  switch (entry.type) {
    case 'attempt_starting':
      return `attempt ${entry.attempt} (${entry.reason}) from ${entry.from?.step ?? 0}`;
    case 'attempt_ended':
      return `ended: ${entry.cause}`;
    case 'hang_confirmed':
      return `hang in ${entry.phase} after ${entry.silent_seconds.toFixed(1)} s`;
    case 'trainer_killed':
      return entry.escalated ? 'killed, SIGKILL' : 'killed';
    case 'checkpoint_quarantined':
      return `quarantined ${entry.step}: ${entry.reason}`;
    case 'job_failed':
      return `failed: ${entry.cause}`;
    case 'suspicion_resolved':
      return `suspicion in ${entry.phase} resolved by ${entry.by}`;
    case 'trainer_continued':
    case 'attempt_adopted':
    case 'attempt_abandoned':
    case 'job_holding':
    case 'hold_ended':
    case 'nan_confirmed':
    case 'clocks_rearmed':
    case 'journal_gap':
    case 'trainer_unkillable':
    case 'checkpoints_pruned':
    case 'daemon_started':
    case 'job_finished':
      return entry.type.replaceAll('_', ' ');
    default:
      return null;
  }
}

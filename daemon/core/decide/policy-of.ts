import type { Grounds } from '../budgets.js';
import type { JobSpec } from '../events.js';
import { atPresent } from '../pace.js';
import type { HangPolicy, Policy } from '../policy.js';
import type { Job } from '../state.js';
import type { Watch } from '../watch.js';

/** The owner's policy with this job's own overrides of the hang section laid over it. */
export function policyOf(job: Job, policy: Policy): Policy {
  const own = job.spec.hang as Partial<HangPolicy> | undefined;
  if (own === undefined) return policy;
  const { hang } = policy;
  return {
    ...policy,
    hang: {
      ...hang,
      ...own,
      defaults: { ...hang.defaults, ...own.defaults },
      ceilings: { ...hang.ceilings, ...own.ceilings },
    },
  };
}

/** What a job's budgets rest on. They are asked for with each tick and change with each event of
 * progress at most, so those of the job last asked about are kept. */
export function groundsOf(job: Job, watch: Watch, policy: Policy): Grounds {
  const { learned, spec } = job;
  const hangs = job.budget.spent.hang ?? 0;
  const pace = atPresent(watch.pace);
  const { grounds, from, own } = kept;
  const same = from === policy && own === spec.hang;
  if (same && grounds.learned === learned && grounds.hangs === hangs && grounds.pace === pace)
    return grounds;
  const hang = same ? grounds.policy : policyOf(job, policy).hang;
  const fresh = { learned, policy: hang, hangs, pace, budgets: {} };
  kept = { grounds: fresh, from: policy, own: spec.hang };
  return fresh;
}

interface Kept {
  readonly grounds: Grounds;
  readonly from: Policy | null;
  readonly own: JobSpec['hang'];
}

let kept: Kept = {
  grounds: { learned: {}, policy: {} as HangPolicy, hangs: 0, pace: null, budgets: {} },
  from: null,
  own: undefined,
};

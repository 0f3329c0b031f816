import type { HangPolicy, Policy } from '../policy.js';
import type { Job } from '../state.js';

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

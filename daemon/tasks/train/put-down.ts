import { join } from 'node:path';
import { redact, withoutTokens } from '../../../config/index.js';
import { collectEvidence, kill } from '../../../trainer/process/index.js';
import type { Surroundings } from './context.js';
import { gpuProof } from './gpu-proof.js';
import type { Live } from './live.js';
import { unkillable } from './unkillable.js';

/** Saves what can be seen of an attempt before it is touched. */
export async function saveEvidence(
  at: Surroundings,
  { attempt, target }: Live,
  why: string,
): Promise<void> {
  const saved = await collectEvidence({
    ...target,
    dir: join(at.paths.attempt(attempt), 'evidence'),
    log: at.paths.log(attempt),
    heartbeats: join(at.paths.attempt(attempt), 'heartbeat'),
    why,
    limit_seconds: at.settings.evidence_seconds,
    env: withoutTokens(at.environment),
    redact,
  });
  await at.observe({ is: 'evidence', job: at.name, attempt, ...saved });
}

/** Ends an attempt, and proves that it is gone and has given its GPU memory back. */
export async function putDown(at: Surroundings, { attempt, target }: Live): Promise<void> {
  const { name: job } = at;
  const stillHeld = await gpuProof(at, attempt, target);
  const killed = await kill(target, at.settings);
  if (killed.is === 'survived') return unkillable(at, attempt, killed.survivors);
  const why = await stillHeld();
  if (why !== null) return at.observe({ is: 'unkillable', job, attempt, survivors: [], why });
  const { seconds, escalated } = killed;
  await at.observe({ is: 'killed', job, attempt, seconds, escalated });
}

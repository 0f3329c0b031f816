import type { Config } from '../../config/index.js';
import type { Engine } from '../engine/index.js';
import { BadRequest, isFollowUp, specFor } from './follow-up-specs.js';

export type AskedFollowUp =
  | { readonly ok: true }
  | { readonly ok: false; readonly status: 400 | 409; readonly error: string };

/** A person asks for a follow-up of a job that exists. */
export async function askFollowUp(
  engine: Engine,
  config: Pick<Config, 'deliver'>,
  name: string,
  task: string,
  asked: Readonly<Record<string, unknown>>,
): Promise<AskedFollowUp> {
  const job = engine.state.jobs[name];
  if (job === undefined || !isFollowUp(task))
    return { ok: false, status: 400, error: `there is no ${task} of ${name}` };
  let spec: unknown;
  try {
    spec = specFor(task, asked, job, config);
  } catch (error) {
    if (error instanceof BadRequest) return { ok: false, status: 400, error: error.message };
    throw error;
  }
  const answer = await engine.request({ is: 'follow_up', job: name, task, spec });
  return answer.ok ? answer : { ...answer, status: 409 };
}

import { describe, expect, test } from '@jest/globals';
import type { Observation } from '../../daemon/core/index.js';
import { persist } from '../../daemon/tasks/train/persist.js';
import { Night, spec } from '../core/night.js';

/** A job in the queue, what was logged of it, and work that fails until it is told not to. */
function surroundings() {
  const night = new Night().see({ is: 'queue', spec: spec() });
  const said: string[] = [];
  const at = {
    name: 'lora',
    job: () => night.job,
    observe: async (seen: Observation) => void night.see(seen),
    log: { warn: (text: string) => said.push(text), error: (text: string) => said.push(text) },
  };
  let tries = 0;
  const failing = (times: number, error: (i: number) => string) => async () => {
    tries += 1;
    if (tries <= times) throw new Error(error(tries));
    night.see({ is: 'prepared', job: 'lora', from: null });
  };
  return { night, said, at, failing, tries: () => tries };
}

describe('what has to be done before a job can start', () => {
  test('is tried until it succeeds, and each error is logged once', async () => {
    const { at, night, said, failing, tries } = surroundings();
    const errors = (i: number) => (i < 3 ? 'EIO: i/o error' : 'ESTALE');
    await persist(at, failing(4, errors), new AbortController().signal, 0.001);
    expect(tries()).toBe(5);
    expect(night.of('attempt_starting')).toHaveLength(1);
    expect(said).toHaveLength(2);
    expect(said[0]).toContain('cannot be started yet, and is tried again every 0.001 s: EIO');
    expect(said[1]).toContain('ESTALE');
  });

  test('ends when the job was stopped meanwhile, and can begin anew', async () => {
    const { at, night, failing, tries } = surroundings();
    const work = failing(1e9, () => 'EIO');
    const stopped = async () => {
      if (tries() === 2) night.see({ is: 'stop', job: 'lora' });
      await work();
    };
    await persist(at, stopped, new AbortController().signal, 0.001);
    expect(tries()).toBe(3);
    expect(night.core.preparing).toEqual([]);
    night.see({ is: 'resume', job: 'lora' });
    expect(night.does('prepare')).toBe(true);
  });

  test('ends with the daemon, however long the wait would be', async () => {
    const { at, failing, tries } = surroundings();
    const over = new AbortController();
    const done = persist(
      at,
      failing(1e9, () => 'EIO'),
      over.signal,
      1e6,
    );
    over.abort();
    await done;
    expect(tries()).toBe(1);
  });
});

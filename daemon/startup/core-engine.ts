import { performance } from 'node:perf_hooks';
import type { Config } from '../../config/index.js';
import type { Now } from '../core/index.js';
import { createEngine, type Engine, type EngineOptions } from '../engine/index.js';
import { journalToLog, type Log } from '../log/index.js';
import { openDaemonJournal } from './open-journal.js';
import { policyOf } from './settings.js';

export const clock = (): Now => ({ mono: performance.now() / 1000, wall: Date.now() / 1000 });

/** The journal, and what sets the time that its next entries bear. Throws JournalDamaged. */
export async function openStamped(dir: string, log: Log) {
  let wall = clock().wall;
  const opened = await openDaemonJournal(dir, () => wall, log);
  const stamp = (now: number): void => {
    wall = now;
  };
  return { ...opened, stamp };
}

/** The engine on that journal, with the log for its first reader. */
export function beginEngine(
  { journal, state, stamp }: Awaited<ReturnType<typeof openStamped>>,
  config: Config,
  log: Log,
  execute: EngineOptions['execute'],
): Engine {
  const engine = createEngine({
    journal,
    state,
    policy: policyOf(config),
    clock,
    stamp,
    execute,
    compactBytes: config.journal.compact_bytes,
    onError: (doing, error) => log.error(`${doing}: ${error.message}`, { stack: error.stack }),
  });
  engine.subscribe((entry) => {
    const sentence = journalToLog(entry);
    if (sentence !== null) log[sentence.level](sentence.message, sentence.fields);
  });
  return engine;
}

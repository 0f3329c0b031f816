import { isTurning, loopAge } from '../health.js';
import type { HttpEngine } from '../surface.js';
import type { Catalogue } from './catalogue.js';
import { Totals } from './write.js';

/** The daemon's own samples anew; `loop` in milliseconds on the engine's clock. */
export function writeDaemon(
  metrics: Catalogue['daemon'],
  engine: HttpEngine,
  version: string,
  loop: number,
): void {
  const { journalHealth: journal, state } = engine;
  metrics.up.set(Number(isTurning(engine, loop)));
  metrics.buildInfo.set({ version, node: process.versions.node }, 1);
  new Totals(metrics.starts).set({}, state.starts);
  metrics.loopAge.set(loopAge(engine, loop));
  metrics.journalDegraded.set(Number(journal.state === 'degraded'));
  metrics.journalPending.set(journal.state === 'degraded' ? journal.pending : 0);
  metrics.hostBad.set(Number(state.host_bad !== null));
}

/** The three process metrics that dashboards look for; prom-client's own set of Node's internals
 * fails promtool's lint. */
export function writeProcess(metrics: Catalogue['process']): void {
  const { user, system } = process.cpuUsage();
  metrics.memory.set(process.memoryUsage.rss());
  new Totals(metrics.cpu).set({}, (user + system) / 1e6);
}

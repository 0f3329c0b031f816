import type { Config } from '../../config/index.js';
import type { FollowUp } from '../core/index.js';
import type { Engine } from '../engine/index.js';
import type { Log } from '../log/index.js';
import { askFollowUp } from './ask-follow-up.js';
import { downloadDoor } from './downloads.js';
import type { createEdges } from './edges.js';
import { queueJob } from './queue-job.js';
import { version } from './version.js';

interface Behind {
  readonly engine: Engine;
  readonly edges: ReturnType<typeof createEdges>;
  readonly home: { readonly root: string; readonly state: string; readonly outputs: string };
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
}

/** What stands behind the HTTP door of a daemon. */
export function served({ engine, edges, home, config, env, log }: Behind) {
  return {
    engine,
    host: config.http.host,
    port: config.http.port,
    tokenFile: `${home.state}/api-token`,
    version: version(),
    queueJob: (source: string, text: string) =>
      queueJob({ engine, home, config, env, source, text }),
    downloads: downloadDoor(
      () => engine,
      () => edges.downloads,
      home.root,
    ),
    followUp: (job: string, task: FollowUp, asked: Readonly<Record<string, unknown>>) =>
      askFollowUp(engine, config, job, task, asked),
    diskPaths: [home.state, home.outputs],
    logger: log,
  };
}

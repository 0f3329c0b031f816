import { randomBytes } from 'node:crypto';
import { ConfigError, loadModels } from '../../config/index.js';
import type { Download } from '../core/index.js';
import type { Engine } from '../engine/index.js';
import type { DownloadTasks } from '../tasks/download/index.js';

/** Downloads without a job, as the HTTP room offers them: asked of the engine, shown by the edge. */
export function downloadDoor(engine: () => Engine, tasks: () => DownloadTasks, home: string) {
  return {
    list: () =>
      Object.entries(engine().state.downloads ?? {}).map(([id, one]) => viewOf(id, one, tasks())),
    async want(asked: { models: readonly string[]; cache: boolean; replace: boolean }) {
      try {
        loadModels(home).chosen(asked.models);
      } catch (error) {
        if (error instanceof ConfigError) return { ok: false as const, error: error.message };
        throw error;
      }
      const id = `d${randomBytes(4).toString('hex')}`;
      await engine().observe({ is: 'download_wanted', download: id, ...asked });
      return { ok: true as const, id };
    },
    stop: (id: string) => engine().observe({ is: 'download_unwanted', download: id }),
  };
}

function viewOf(id: string, { models, end }: Download, tasks: DownloadTasks) {
  const { progress = null, now = null } = tasks.progress(id) ?? {};
  const failed = end?.is === 'failed' ? end : null;
  return {
    id,
    models,
    state: end?.is ?? ('running' as const),
    reason: failed?.reason ?? null,
    remedy: failed?.remedy ?? null,
    progress,
    now,
  };
}

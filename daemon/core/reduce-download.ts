import type { EventOf } from './events.js';
import type { Download, State } from './state.js';

type Downloads = NonNullable<State['downloads']>;

type Stamp = { readonly seq: number; readonly time: number };

const ENDED_KEPT = 20;

/** The fold over downloads without a job. */
export function onDownload(
  downloads: Downloads,
  entry: (EventOf<'download_queued'> | EventOf<'download_ended'>) & Stamp,
): Downloads {
  if (entry.type === 'download_queued') {
    const { models, cache, replace, time } = entry;
    const fresh: Download = { models, cache, replace, queued_at: time, ended_at: null, end: null };
    return { ...withoutOldest(downloads), [entry.download]: fresh };
  }
  const known = downloads[entry.download];
  if (known === undefined) return downloads;
  const { type: _type, seq: _seq, download, time, ...end } = entry;
  return { ...downloads, [download]: { ...known, ended_at: time, end } };
}

function withoutOldest(downloads: Downloads): Downloads {
  const ended = Object.keys(downloads).filter((id) => downloads[id]?.end !== null);
  const gone = new Set(ended.slice(0, Math.max(0, ended.length - ENDED_KEPT + 1)));
  return Object.fromEntries(Object.entries(downloads).filter(([id]) => !gone.has(id)));
}

import type { DownloadEvent } from './events.js';

/** How a download is getting on. Plain JSON. */
export interface Progress {
  readonly files: readonly FileProgress[];
  /** What is waited for, or was found; null when nothing is to be told. */
  readonly note: string | null;
  readonly failures: readonly {
    readonly model: string;
    readonly kind: string;
    readonly reason: string;
    readonly remedy: string;
  }[];
  /** Bytes from the network since the beginning, those that were discarded too. */
  readonly fetched: number;
  /** `[seconds, fetched]` of the last moments: what the rate is read from. */
  readonly samples: readonly (readonly [number, number])[];
}

export interface FileProgress {
  readonly file: string;
  readonly model: string;
  readonly to: string;
  readonly size: number;
  /** There, be it from an earlier download. */
  readonly bytes: number;
  readonly state: 'waiting' | 'fetching' | 'proving' | 'done';
  readonly how: string | null;
  readonly path: string | null;
  readonly digest: string | null;
}

export const noProgress: Progress = {
  files: [],
  note: null,
  failures: [],
  fetched: 0,
  samples: [],
};

/** The rate is that of the last seconds; samples are taken a few times in each. */
const WINDOW = 10;
const SAMPLE = 0.25;

/** The fold; `now` in seconds of a monotonic clock. */
export function progressed(before: Progress, event: DownloadEvent, now: number): Progress {
  switch (event.type) {
    case 'planned':
      return {
        ...before,
        files: event.files.map((facts) => ({
          ...facts,
          bytes: 0,
          state: 'waiting',
          how: null,
          path: null,
          digest: null,
        })),
      };
    case 'resumed':
      return onFile(before, event.file, (f) => ({
        ...f,
        bytes: event.bytes,
        state: 'fetching',
      }));
    case 'bytes': {
      const fetched = before.fetched + event.bytes;
      const next = onFile(before, event.file, (f) => ({
        ...f,
        bytes: Math.min(f.size, f.bytes + event.bytes),
        state: 'fetching',
      }));
      return { ...next, note: null, fetched, samples: sampled(before.samples, now, fetched) };
    }
    case 'discarded':
      return {
        ...onFile(before, event.file, (f) => ({ ...f, bytes: Math.max(0, f.bytes - event.bytes) })),
        note: event.why === null ? before.note : `${event.file} is fetched again: ${event.why}`,
      };
    case 'proving':
      return onFile(before, event.file, (f) => ({ ...f, state: 'proving' }));
    case 'waiting': {
      const { why, seconds } = event;
      return {
        ...before,
        note: seconds === null ? why : `${why}; again in ${Math.ceil(seconds)} s`,
      };
    }
    case 'done':
      return onFile(before, event.file, (f) => ({
        ...f,
        bytes: f.size,
        state: 'done',
        how: event.how,
        path: event.path,
        digest: event.digest,
      }));
    case 'failed': {
      const { model, kind, reason, remedy } = event;
      return { ...before, failures: [...before.failures, { model, kind, reason, remedy }] };
    }
  }
}

/** Bytes a second over the last moments; null before there is enough to tell by. */
export function rateOf({ samples, fetched }: Progress, now: number): number | null {
  const first = samples[0];
  const seconds = first === undefined ? 0 : now - first[0];
  return first === undefined || seconds < SAMPLE ? null : (fetched - first[1]) / seconds;
}

export function totals({ files }: Progress): { size: number; bytes: number } {
  return {
    size: files.reduce((sum, { size }) => sum + size, 0),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function onFile(
  progress: Progress,
  name: string,
  change: (file: FileProgress) => FileProgress,
): Progress {
  const files = progress.files.map((file) => (file.file === name ? change(file) : file));
  return { ...progress, files };
}

function sampled(samples: Progress['samples'], now: number, fetched: number): Progress['samples'] {
  const last = samples.at(-1);
  if (last !== undefined && now - last[0] < SAMPLE) return samples;
  const kept = samples.filter(([time], i) => now - time <= WINDOW || i === samples.length - 1);
  return [...kept, [now, fetched]];
}

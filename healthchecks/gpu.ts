import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** One GPU as nvidia-smi shows it; what it does not tell is null. Ratio 0 to 1. */
export interface GpuReading {
  readonly uuid: string;
  readonly name: string;
  readonly driver: string;
  readonly utilization_ratio: number | null;
  readonly memory_used_bytes: number | null;
  readonly memory_total_bytes: number | null;
  readonly temperature_celsius: number | null;
  readonly power_draw_watts: number | null;
  readonly power_limit_watts: number | null;
}

export interface GpuWatch {
  /** All GPUs at the last look; null where there is no nvidia-smi, or it has fallen silent: that is
   * no evidence either way. */
  latest(): readonly GpuReading[] | null;
  close(): void;
}

export interface GpuOptions {
  readonly command?: string;
  /** Seconds between two looks. */
  readonly every_seconds?: number;
  readonly onReading?: (readings: readonly GpuReading[]) => void;
  readonly onTrouble?: (what: string) => void;
}

/** In the order of the query. */
const FIELDS = [
  'uuid',
  'name',
  'driver_version',
  'utilization.gpu',
  'memory.used',
  'memory.total',
  'temperature.gpu',
  'power.draw',
  'power.limit',
];
const MIB = 1 << 20;
/** A reading older than this many intervals says nothing about now. */
const STALE_AFTER = 4;
const RETRY_MS = 30_000;

/**
 * Watches the GPUs by one long-lived nvidia-smi: starting one for each look costs half a second of a
 * core, and on a machine with a sick GPU a start may never return.
 */
export function watchGpus(options: GpuOptions = {}): GpuWatch {
  const { command = 'nvidia-smi', every_seconds = 1, onReading, onTrouble } = options;
  let child: ChildProcess | null = null;
  let retry: NodeJS.Timeout | null = null;
  let closed = false;
  let at = Number.NEGATIVE_INFINITY;
  let round = new Map<string, GpuReading>();
  let latest: readonly GpuReading[] = [];

  const take = (line: string): void => {
    const reading = parseReading(line);
    if (reading === null) return;
    // The first GPU's next line begins the next round.
    if (round.has(reading.uuid)) round = new Map();
    round.set(reading.uuid, reading);
    if (round.size < latest.length) return;
    latest = [...round.values()];
    at = performance.now();
    onReading?.(latest);
  };
  const start = (): void => {
    child = spawn(
      command,
      [
        `--query-gpu=${FIELDS.join(',')}`,
        '--format=csv,noheader,nounits',
        `--loop-ms=${Math.round(every_seconds * 1000)}`,
      ],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    child.once('error', (error: NodeJS.ErrnoException) => {
      child = null;
      // A machine without one is no trouble, and will not grow one.
      if (error.code !== 'ENOENT') again(`nvidia-smi cannot be started: ${error.message}`);
    });
    child.once('exit', (code, signal) => {
      child = null;
      again(`nvidia-smi ended (${signal ?? code})`);
    });
    if (child.stdout !== null) createInterface(child.stdout).on('line', take);
  };
  const again = (why: string): void => {
    if (closed) return;
    latest = [];
    onTrouble?.(why);
    retry = setTimeout(start, RETRY_MS);
    retry.unref();
  };

  start();
  return {
    latest: () =>
      performance.now() - at > STALE_AFTER * every_seconds * 1000 || latest.length === 0
        ? null
        : latest,
    close() {
      closed = true;
      if (retry !== null) clearTimeout(retry);
      child?.kill('SIGKILL');
    },
  };
}

/** One line of `nvidia-smi --query-gpu --format=csv,noheader,nounits`; null when it is none. MiB, %, °C
 * and W become bytes, ratio, °C and W; `[N/A]` and `[Unknown Error]` become null. */
export function parseReading(line: string): GpuReading | null {
  const cells = line.split(',').map((cell) => cell.trim());
  const [uuid, name, driver, ...figures] = cells;
  if (cells.length !== FIELDS.length || !uuid?.startsWith('GPU-')) return null;
  const figure = (index: number, scale = 1): number | null => {
    const value = Number(figures[index]);
    return figures[index] === '' || !Number.isFinite(value) ? null : value * scale;
  };
  return {
    uuid,
    name: name ?? '',
    driver: driver ?? '',
    utilization_ratio: figure(0, 0.01),
    memory_used_bytes: figure(1, MIB),
    memory_total_bytes: figure(2, MIB),
    temperature_celsius: figure(3),
    power_draw_watts: figure(4),
    power_limit_watts: figure(5),
  };
}

/** How busy the busiest GPU is, 0 to 1; null where nobody can say. */
export function busiest(readings: readonly GpuReading[] | null): number | null {
  const ratios = (readings ?? [])
    .map((gpu) => gpu.utilization_ratio)
    .filter((ratio) => ratio !== null);
  return ratios.length === 0 ? null : Math.max(...ratios);
}

/** VRAM in use over all GPUs, in bytes; null where nobody can say. */
export function vramUsed(readings: readonly GpuReading[] | null): number | null {
  const used = (readings ?? [])
    .map((gpu) => gpu.memory_used_bytes)
    .filter((bytes) => bytes !== null);
  return used.length === 0 ? null : used.reduce((sum, bytes) => sum + bytes, 0);
}

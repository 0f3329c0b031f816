import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { publishFolder, syncFolder, TEMPORARY, writeFileDurable } from './atomic.js';
import { TrainError, UsageError } from './errors.js';
import { type Lora, loraTensors, optimizerTensors, restoreLora } from './lora.js';
import { decodeSafetensors, encodeSafetensors, type TensorFile } from './safetensors.js';
import { type Fingerprint, fingerprintDifference, type TrainState } from './state.js';

const VERSION = 1;
const WEIGHTS = 'lora.safetensors';
const OPTIMIZER = 'optimizer.safetensors';
const STATE = 'train_state.json';
const FOLDER = /^step-(\d{8,})$/;

/** The folder of a step's checkpoint. */
export function checkpointFolder(folder: string, step: number): string {
  return path.join(folder, `step-${String(step).padStart(8, '0')}`);
}

/**
 * Writes `<folder>/step-NNNNNNNN` so that a kill at any instant leaves it whole or absent. The state
 * is written last and carries the size and SHA-256 of the other files, because a torn file may have
 * the right size and a tail of zeros. `onFile` is told each file's name once it is on disk.
 */
export function saveCheckpoint(
  folder: string,
  lora: Lora,
  state: TrainState,
  fingerprint: Fingerprint,
  totalSteps: number,
  onFile: (name: string) => void = () => {},
): string {
  const target = checkpointFolder(folder, state.step);
  const temporary = path.join(folder, TEMPORARY + path.basename(target));
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const [name, tensors] of [
    [WEIGHTS, loraTensors(lora)],
    [OPTIMIZER, optimizerTensors(lora)],
  ] as const) {
    const bytes = encodeSafetensors({ tensors, metadata: { format: 'pt' } });
    files[name] = { bytes: bytes.length, sha256: sha256(bytes) };
    writeFileDurable(path.join(temporary, name), bytes);
    onFile(name);
  }
  const json = { v: VERSION, ...state, total_steps: totalSteps, fingerprint, files };
  writeFileDurable(path.join(temporary, STATE), JSON.stringify(json, null, 1) + '\n');
  syncFolder(temporary);
  publishFolder(temporary, target);
  return target;
}

/**
 * Loads a checkpoint into the LoRA. A torn, foreign or missing one is a TrainError; one of another
 * configuration is a UsageError that names the key.
 */
export function loadCheckpoint(folder: string, lora: Lora, fingerprint: Fingerprint): TrainState {
  const saved = attempt(folder, STATE, () => {
    const json = JSON.parse(readFileSync(path.join(folder, STATE), 'utf8')) as SavedState;
    if (json.v !== VERSION) throw new Error(`version ${json.v}, expected ${VERSION}`);
    return json;
  });
  const difference = fingerprintDifference(saved.fingerprint, fingerprint);
  if (difference) {
    throw new UsageError(`cannot resume from ${folder}: ${difference}. Start without --resume.`);
  }
  const [weights, optimizer] = [WEIGHTS, OPTIMIZER].map((name) => {
    return attempt(folder, name, () => readWhole(path.join(folder, name), saved.files[name]));
  });
  attempt(folder, WEIGHTS, () => restoreLora(lora, weights!.tensors, optimizer!.tensors));
  const { step, rng, epoch, order, position, lossSum, lossWeight, reseed } = saved;
  return { step, rng, epoch, order, position, lossSum, lossWeight, reseed };
}

/** Steps of the checkpoints in a folder, oldest first. */
export function listCheckpoints(folder: string): number[] {
  if (!existsSync(folder)) return [];
  const steps = readdirSync(folder).flatMap((name) => {
    const match = FOLDER.exec(name);
    return match ? [Number(match[1])] : [];
  });
  return steps.sort((a, b) => a - b);
}

/**
 * Removes all but the newest `keep` checkpoints up to `step`; 0 keeps all. Later ones are another
 * run's: counting them would make this run delete its own.
 */
export function pruneCheckpoints(folder: string, keep: number, step: number): void {
  if (keep === 0) return;
  for (const old of listCheckpoints(folder)
    .filter((s) => s <= step)
    .slice(0, -keep)) {
    rmSync(checkpointFolder(folder, old), { recursive: true });
  }
}

interface SavedState extends TrainState {
  readonly v: number;
  readonly fingerprint: Fingerprint;
  readonly files: Record<string, { bytes: number; sha256: string } | undefined>;
}

function readWhole(
  file: string,
  expected: { bytes: number; sha256: string } | undefined,
): TensorFile {
  const bytes = readFileSync(file);
  if (!expected) throw new Error(`${STATE} does not list it`);
  if (bytes.length !== expected.bytes) {
    throw new Error(`torn: ${bytes.length} bytes where ${expected.bytes} were written`);
  }
  if (sha256(bytes) !== expected.sha256) throw new Error('torn: its SHA-256 is not the saved one');
  return decodeSafetensors(bytes);
}

function attempt<T>(folder: string, name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new TrainError(`cannot resume from ${folder}: ${name}: ${(error as Error).message}`);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

import { extname } from 'node:path';
import type { Reader } from './reader.js';
import { checkSafetensors } from './safetensors.js';
import { checkOpaque, checkTorchFile } from './torchfile.js';
import type { FileFault } from './types.js';

/** A JSON file of a checkpoint (`train_state.json`, `meta.json`, an index) is never this large. */
const MAX_JSON = 64 * 1024 * 1024;

export interface FileCheckContext {
  /** Highest step that can be, where it is known. */
  maxStep: number | undefined;
}

/**
 * The structure of one file, by its type: headers, tails, sizes. What its data mean is left open.
 *
 * @param name decides the type by its ending
 * @returns null when nothing is wrong
 */
export async function checkFile(
  name: string,
  reader: Reader,
  context: FileCheckContext,
): Promise<FileFault | null> {
  if (reader.size === 0) return { kind: 'empty', reason: 'has no bytes' };
  switch (extname(name).toLowerCase()) {
    case '.safetensors':
    case '.sft':
      return checkSafetensors(reader);
    case '.bin':
    case '.pt':
    case '.pth':
    case '.pkl':
    case '.pickle':
    case '.ckpt':
      return checkTorchFile(reader);
    case '.json':
      return checkJson(reader, context);
    default:
      return checkOpaque(reader);
  }
}

/** Is this step a whole number that the run can have reached? */
export function checkStep(step: unknown, maxStep: number | undefined): FileFault | null {
  if (!Number.isSafeInteger(step) || (step as number) < 0) {
    return { kind: 'implausible', reason: `step ${String(step)} is not a whole number from 0 up` };
  }
  if (maxStep === undefined || (step as number) <= maxStep) return null;
  return {
    kind: 'implausible',
    reason: `step ${step} lies beyond ${maxStep}, the last step possible`,
  };
}

async function checkJson(reader: Reader, context: FileCheckContext): Promise<FileFault | null> {
  if (reader.size > MAX_JSON) {
    return { kind: 'implausible', reason: `a JSON file of ${reader.size} bytes` };
  }
  const text = (await reader.read(0, reader.size)).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'torn', reason: `is not JSON (${(error as Error).message})` };
  }
  // Only `step` is read. kohya's `current_step` starts at 0 again in every run and proves nothing.
  if (typeof value !== 'object' || value === null || !('step' in value)) return null;
  return typeof value.step === 'number' ? checkStep(value.step, context.maxStep) : null;
}

import type { Reader } from './reader.js';
import type { FileFault } from './types.js';
import { endOfData } from './zeros.js';
import { checkZip } from './zip.js';

const PICKLE_PROTOCOL = 0x80;
const PICKLE_STOP = 0x2e;
/** `torch.save` before 1.6 starts with its magic number, pickled (torch/serialization.py, MAGIC_NUMBER). */
const LEGACY_TORCH = Buffer.from([0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8]);
/** A pickle ends in STOP; a tail of this many zeros is a lost page, not tensor data. */
const ZERO_TAIL = 4096;

/**
 * Is this a whole file of `torch.save` or `pickle.dump`? Told by its first bytes, since the
 * endings (`.bin`, `.pt`, `.pkl`, …) promise nothing: a zip archive, a pickle, or something else
 * about which only its zeros can be judged.
 */
export async function checkTorchFile(reader: Reader): Promise<FileFault | null> {
  const head = await reader.read(0, 16);
  if (head.subarray(0, 2).toString('latin1') === 'PK') return checkZip(reader);
  if (head[0] !== PICKLE_PROTOCOL) return checkOpaque(reader);
  // Raw tensor data follows the pickles of the legacy format, so that its end says little.
  if (head.subarray(2, 12).equals(LEGACY_TORCH)) return checkNoZeroTail(reader);
  const last = await reader.read(reader.size - 1, 1);
  if (last[0] === PICKLE_STOP) return null;
  return { kind: 'torn', reason: 'cut short: a pickle without its STOP at the end' };
}

/** A file of a type we do not know: it must hold something, and not start as a lost page. */
export async function checkOpaque(reader: Reader): Promise<FileFault | null> {
  if ((await endOfData(reader, 0)) > 0) return null;
  return { kind: 'torn', reason: `all ${reader.size} bytes are zero` };
}

async function checkNoZeroTail(reader: Reader): Promise<FileFault | null> {
  const zeros = reader.size - (await endOfData(reader, 0));
  if (zeros < ZERO_TAIL) return null;
  return { kind: 'torn', reason: `zero tail: the last ${zeros} bytes are zero` };
}

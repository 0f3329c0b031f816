import { open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isOfRun, metadataOf, verifyCheckpoint } from '../checkpoints/index.js';

export interface Salvage {
  /** The last state's folder; its `model.safetensors` holds the weights under the published keys. */
  readonly state: string;
  /** The file to make. */
  readonly final: string;
  /** Weights of earlier epochs begin with this path; the newest lends its metadata. */
  readonly stem: string;
}

const CHUNK = 1 << 20;

/**
 * The finished file from a last state, where a trainer was ended between the two; one that is whole
 * and not older than the state is left as it is. It is touched, to show that it is this run's.
 *
 * @returns what was done, in words
 * @throws when the state's weights are not whole
 */
export async function salvage({ state, final, stem }: Salvage): Promise<string> {
  const model = join(state, 'model.safetensors');
  const made = await stat(model);
  const there = await stat(final).catch(() => null);
  const whole = there !== null && there.mtimeMs >= made.mtimeMs && (await fault(final)) === null;
  if (whole) {
    const now = new Date();
    await utimes(final, now, now);
    return `This training has ended before: ${final} is whole.`;
  }
  const wrong = await fault(model);
  if (wrong !== null) throw new Error(`${model} ${wrong}`);
  await write(model, final, await metadataBeside(stem));
  return `Made ${final} of the last state, ${model}.`;
}

async function fault(path: string): Promise<string | null> {
  const found = { path, step: 0, kind: 'file' as const, mtime_ms: 0 };
  const verdict = await verifyCheckpoint(found, { hash: false });
  return verdict.ok ? null : verdict.reason;
}

/** What programs that load LoRAs show of them; without the hashes and times of another epoch. */
async function metadataBeside(stem: string): Promise<Record<string, string>> {
  const dir = dirname(stem);
  const names = (await readdir(dir)).filter(
    (name) =>
      isOfRun(name, basename(stem)) &&
      name.endsWith('.safetensors') &&
      name !== `${basename(stem)}.safetensors`,
  );
  const dated = await Promise.all(
    names.map(async (name) => ({
      path: join(dir, name),
      at: (await stat(join(dir, name))).mtimeMs,
    })),
  );
  const newest = dated.sort((a, b) => b.at - a.at)[0];
  if (newest === undefined) return {};
  const metadata = (await metadataOf(newest.path)) ?? {};
  const foreign = /^(sshs_|modelspec\.(hash|date)|ss_(epoch|steps|training_finished_at)$)/;
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !foreign.test(key)));
}

/** Copies a safetensors file with other metadata; the tensors stay byte for byte what they are. */
async function write(from: string, to: string, more: Record<string, string>): Promise<void> {
  const temporary = join(dirname(to), `.tmp-${process.pid}-${basename(to)}`);
  const source = await open(from, 'r');
  try {
    const length = Number((await bytesAt(source, 0, 8)).readBigUInt64LE(0));
    const header = JSON.parse((await bytesAt(source, 8, length)).toString('utf8')) as {
      __metadata__?: Record<string, string>;
    };
    header.__metadata__ = { ...header.__metadata__, ...more };
    const target = await open(temporary, 'wx');
    try {
      await target.writeFile(framed(header));
      const { size } = await source.stat();
      for (let at = 8 + length; at < size; at += CHUNK) {
        await target.writeFile(await bytesAt(source, at, Math.min(CHUNK, size - at)));
      }
      await target.sync();
    } finally {
      await target.close();
    }
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await source.close();
  }
}

/** The format asks for a header of a multiple of eight bytes, filled up with blanks. */
function framed(header: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
}

async function bytesAt(
  file: Awaited<ReturnType<typeof open>>,
  position: number,
  length: number,
): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new Error(`ends at byte ${position + filled}`);
    filled += bytesRead;
  }
  return buffer;
}

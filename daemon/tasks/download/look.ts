import { stat } from 'node:fs/promises';
import { codeOf, DownloadError } from './errors.js';
import type { FileJob } from './file.js';
import { hashFile } from './hasher.js';
import type { About, Proofs } from './proved.js';
import type { Session } from './session.js';
import { formatSize } from './words.js';

export type Found =
  | { readonly is: 'absent' }
  /** The file that is wanted. */
  | { readonly is: 'right' }
  /** An earlier version of it, which we put there and the branch has moved on from. */
  | { readonly is: 'older' }
  /** What we put there when models.yaml asked for another revision. */
  | { readonly is: 'outdated' }
  /** Some other file. */
  | { readonly is: 'other'; readonly why: string };

/** What lies at a file's target. A file that was never proved is read once, and remembered. */
export async function lookAt(session: Session, job: FileJob, proofs: Proofs): Promise<Found> {
  const { file, target } = job;
  let size: number;
  try {
    const found = await stat(target);
    if (!found.isFile()) return { is: 'other', why: 'it is no file' };
    size = found.size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return { is: 'absent' };
    throw error;
  }
  const { model } = job;
  const proof = await proofs.of(target);
  const { kind, hex } = file.fingerprint;
  if (proof !== null && proof.kind === kind && proof.hex === hex) return { is: 'right' };
  if (proof !== null && proof.repo === model.repo && proof.file === file.path)
    return { is: proof.revision === model.revision && !isPinned(job) ? 'older' : 'outdated' };
  if (size !== file.size)
    return { is: 'other', why: `it has ${size} bytes, the Hub's has ${file.size}` };
  session.report({ type: 'proving', file: job.id, path: target });
  const digest = await hashFile(target, size, kind, session.signal);
  if (digest !== hex) return { is: 'other', why: `its hash is ${digest}, the Hub's is ${hex}` };
  await proofs.add(target, file.fingerprint, aboutOf(job));
  return { is: 'right' };
}

export function aboutOf({ model, file, commit }: FileJob): About {
  return { repo: model.repo, file: file.path, revision: model.revision, commit };
}

function isPinned({ model: { what }, file }: FileJob): boolean {
  return what.is === 'files' && what.files.some((f) => f.path === file.path && f.sha256 !== null);
}

export function occupied({ model, file, target }: FileJob, why: string): DownloadError {
  return new DownloadError(
    'occupied',
    `${model.name}: another file lies at ${target}: ${why}.`,
    `If it is a download of something else that broke off, remove it; to have the Hub's (${formatSize(file.size)}) put in its place, use \`nightwarden download --replace ${model.name}\`; to keep it under this name, give the entry in models.yaml another to:.`,
  );
}

import { join, resolve } from 'node:path';
import type { Model } from '../../../config/index.js';
import { HubRefused } from './ask.js';
import { DownloadError } from './errors.js';
import { askFacts, type Facts } from './facts.js';
import type { FileJob } from './file.js';
import type { HubCache } from './hub-cache.js';
import { explainRefusal } from './refusal.js';
import type { SavedFacts } from './saved-facts.js';
import type { Session } from './session.js';

/** With facts from an earlier time at hand, the Hub is not waited for longer than this (seconds). */
const PATIENCE_WITH_FACTS = 10;

/** The files of one model and where they go. Throws a DownloadError for what the Hub refuses. */
export async function planModel(
  session: Session,
  model: Model,
  saved: SavedFacts,
  mirrors: readonly string[],
  cache: HubCache | null,
): Promise<FileJob[]> {
  const facts = await currentFacts(session, model, saved, mirrors);
  const { folder } = session.settings;
  return facts.files.map((file): FileJob => {
    const listed = model.what.is === 'files' ? model.what.files.find(isAt(file.path)) : undefined;
    if (listed !== undefined) refuseOther(model, file, listed);
    const to =
      model.what.is === 'files' ? (listed?.to ?? file.path) : model.what.folder + file.path;
    const target = cache === null ? resolve(folder, to) : cache.blob(model.repo, file);
    return { id: join(model.name, file.path), model, commit: facts.commit, file, target };
  });
}

const isAt =
  (path: string) =>
  (file: { readonly path: string }): boolean =>
    file.path === path;

async function currentFacts(
  session: Session,
  model: Model,
  saved: SavedFacts,
  mirrors: readonly string[],
): Promise<Facts> {
  const before = await saved.of(model);
  const { patience_seconds: whole } = session.settings;
  const patience = before === null ? whole : Math.min(whole, PATIENCE_WITH_FACTS);
  try {
    const facts = await askFacts(session, model, patience);
    await saved.save(model, facts);
    return facts;
  } catch (error) {
    if (error instanceof HubRefused) throw explainRefusal(error, model, mirrors, session.home);
    if (before === null || !(error instanceof DownloadError) || error.kind !== 'network')
      throw error;
    const why = `${model.name}: ${error.message} What it said earlier is used`;
    session.report({ type: 'waiting', why, seconds: null });
    return before;
  }
}

/** models.yaml may say what a file has to be. */
function refuseOther(
  model: Model,
  file: FileJob['file'],
  wanted: { readonly sha256: string | null; readonly size: number | null },
): void {
  const { fingerprint, size, path } = file;
  const other =
    wanted.sha256 !== null && wanted.sha256 !== fingerprint.hex
      ? `its SHA-256 is ${fingerprint.kind === 'git' ? '(none)' : fingerprint.hex} where models.yaml says ${wanted.sha256}`
      : wanted.size !== null && wanted.size !== size
        ? `it has ${size} bytes where models.yaml says ${wanted.size}`
        : null;
  if (other === null) return;
  throw new DownloadError(
    'not_found',
    `${model.name}: ${path} of ${model.repo} at ${model.revision} is another file: ${other}.`,
    'If the new one is wanted, correct sha256: and size: in models.yaml; if the old one is, name its commit in revision:.',
  );
}

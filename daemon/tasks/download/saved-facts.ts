import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '../../../config/index.js';
import { writeWhole } from './atomic.js';
import { codeOf } from './errors.js';
import type { Facts } from './facts.js';

/** What the Hub said last about a model, so that a night without the Hub can still be sure that the
 * files that are there are the right ones. */
export class SavedFacts {
  constructor(private readonly folder: string) {}

  async of(model: Model): Promise<Facts | null> {
    try {
      return JSON.parse(await readFile(this.fileOf(model), 'utf8')) as Facts;
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  save(model: Model, facts: Facts): Promise<void> {
    return writeWhole(this.fileOf(model), `${JSON.stringify(facts)}\n`);
  }

  private fileOf({ repo, revision, what }: Model): string {
    const asked = what.is === 'files' ? what.files.map(({ path }) => path) : what;
    const text = JSON.stringify([repo, revision, asked]);
    const name = createHash('sha256').update(text).digest('hex').slice(0, 32);
    return join(this.folder, `${name}.json`);
  }
}

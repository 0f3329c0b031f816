import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { AdapterError } from './errors.js';

/** A trainer's own configuration, YAML or JSON (which is YAML too). */
export class ConfigFile {
  private readonly data: unknown;

  /** @param key the job file's key that names it, for messages */
  constructor(
    readonly path: string,
    readonly key: string,
  ) {
    try {
      this.data = parse(readFileSync(path, 'utf8'));
    } catch (error) {
      const why = (error as Error).message.split('\n')[0];
      throw new AdapterError(key, `a readable configuration ${path}`, `It cannot be read: ${why}.`);
    }
  }

  /** The value at a path; undefined where there is none. */
  at(...path: (string | number)[]): unknown {
    let value = this.data;
    for (const part of path) {
      if (typeof value !== 'object' || value === null) return undefined;
      value = (value as Record<string | number, unknown>)[part];
    }
    return value;
  }

  text(...path: (string | number)[]): string | null {
    const value = this.at(...path);
    return typeof value === 'string' && value !== '' ? value : null;
  }

  number(...path: (string | number)[]): number | null {
    const value = Number(this.at(...path) ?? Number.NaN);
    return Number.isFinite(value) ? value : null;
  }

  /** The text at a path, or an error that names it. */
  needed(...path: (string | number)[]): string {
    const value = this.text(...path);
    if (value !== null) return value;
    const where = path.join('.');
    throw new AdapterError(
      this.key,
      `${where} in ${this.path}, and it is not there`,
      'It tells where the training leaves its results.',
    );
  }
}

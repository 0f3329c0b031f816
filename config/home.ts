import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where everything lives under a home; absolute when the home is. */
export interface HomePaths {
  state: string;
  logs: string;
  outputs: string;
  /** The folder of nightwarden.yaml. */
  config: string;
  /** The folder of job files. */
  jobs: string;
  /** The file models.yaml. */
  models: string;
}

/** The home folder, absolute: NIGHTWARDEN_HOME, else the package's own root. */
export function resolveHome(env: NodeJS.ProcessEnv): string {
  return env['NIGHTWARDEN_HOME'] ? resolve(env['NIGHTWARDEN_HOME']) : packageRoot();
}

/** The rooms of a home; nothing is created. */
export function homePaths(home: string): HomePaths {
  const config = join(home, 'config');
  return {
    state: join(home, 'state'),
    logs: join(home, 'logs'),
    outputs: join(home, 'outputs'),
    config,
    jobs: join(config, 'jobs'),
    models: join(home, 'models.yaml'),
  };
}

/** The folder of the package.json named nightwarden above this file, from source or from dist/. */
export function packageRoot(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) {
      const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name?: unknown };
      if (name === 'nightwarden') return folder;
    }
    if (folder === dirname(folder)) {
      throw new Error(`no package.json named nightwarden above ${start}. Set NIGHTWARDEN_HOME.`);
    }
  }
}

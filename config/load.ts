import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { z } from 'zod';
import { graft, readEnvironment, variableName } from './environment.js';
import { homePaths } from './home.js';
import { isMap, type Path, showPath, valueAt } from './path.js';
import { type Finding, findingsOf } from './phrase.js';
import { ConfigError, inReadingOrder, type Problem } from './problem.js';
import { type Config, configSchema, contradictions } from './schema.js';
import { readSecretFile } from './secret.js';
import { knownPaths, noteAt, prepare } from './shape.js';
import { readYaml, type YamlSource } from './yaml-source.js';

export interface LoadOptions {
  /** The home folder; its `config/nightwarden.yaml` is read where it exists. */
  home: string;
  env: NodeJS.ProcessEnv;
}

/**
 * The configuration in force: environment over file over defaults.
 * Throws a ConfigError that lists every problem of both sources.
 */
export function loadConfig(options: LoadOptions): Config {
  return loadSettings(configSchema, options, contradictions);
}

/**
 * The loader behind `loadConfig`, for any schema of sections.
 * @param check finds settings that are fine one by one but not together.
 */
export function loadSettings<T extends z.ZodType>(
  schema: T,
  { home, env }: LoadOptions,
  check: (settings: z.output<T>, given: unknown) => Finding[] = () => [],
): z.output<T> {
  const path = join(homePaths(home).config, 'nightwarden.yaml');
  const label = relative(home, path);
  const file = checkYaml(schema, existsSync(path) ? readText(path, label) : '', label);
  const overrides = readEnvironment(schema, env);
  const problems = [...file.problems, ...overrides.problems];
  if (problems.length > 0) throw new ConfigError(problems);

  const given = file.data as Record<string, unknown>;
  for (const key of overrides.from.keys()) {
    const at = key.split('.');
    graft(given, at, valueAt(overrides.data, at));
  }
  const settings = schema.parse(given);
  const place = (at: Path): Problem => {
    const key = showPath(at);
    const variable = overrides.from.get(key);
    const source = variable ? `${variable} (environment)` : label;
    const where = variable ? { line: null, column: null } : file.source.at(at, 'value');
    return { source, ...where, path: key, message: '' };
  };
  const conflicts = check(settings, given).map((finding) => ({
    ...place(finding.path),
    message: finding.message,
  }));
  conflicts.push(...fillSecrets(schema, settings, home, place));
  if (conflicts.length > 0) throw new ConfigError(conflicts);
  return settings;
}

/**
 * Text checked against a schema: what was given, and every problem in reading order.
 * @param check finds what is wrong between keys.
 */
export function checkYaml(
  schema: z.ZodType,
  text: string,
  label: string,
  check: (data: unknown) => Finding[] = () => [],
): { data: unknown; source: YamlSource; problems: Problem[] } {
  const source = readYaml(text, label);
  if (source.data === undefined) {
    return { data: undefined, source, problems: [...source.problems] };
  }
  const data = prepare(schema, source.data ?? {}, source.textAt);
  const findings = [
    ...refuseSecrets(schema, data),
    ...refuseBadValues(schema, data),
    ...check(data),
  ];
  const problems = findings.map(({ path, which, message }) => ({
    source: label,
    ...source.at(path, which),
    path: showPath(path),
    message,
  }));
  return { data, source, problems: inReadingOrder([...source.problems, ...problems]) };
}

function refuseBadValues(schema: z.ZodType, data: unknown): Finding[] {
  const result = schema.safeParse(data);
  if (result.success) return [];
  // A secret in the file is refused as such already, whatever else is wrong with it.
  return findingsOf(schema, data, result.error.issues).filter(
    ({ path }) => noteAt(schema, path)?.kind !== 'secret',
  );
}

function refuseSecrets(schema: z.ZodType, data: unknown): Finding[] {
  return secretPaths(schema).flatMap((key) => {
    const path = key.split('.');
    if (valueAt(data, path) === undefined) return [];
    const message = `a secret is not written into this file. Set ${variableName(key)} in the environment, or ${key}_file to the path of a file that holds it.`;
    return [{ path, which: 'key', message }];
  });
}

function secretPaths(schema: z.ZodType): string[] {
  return knownPaths(schema).filter((key) => noteAt(schema, key.split('.'))?.kind === 'secret');
}

/** Reads the files behind `…_file` keys into `settings`; a secret of the environment wins. */
function fillSecrets(
  schema: z.ZodType,
  settings: unknown,
  home: string,
  place: (at: Path) => Problem,
): Problem[] {
  if (!isMap(settings)) return [];
  return secretPaths(schema).flatMap((key) => {
    const file = valueAt(settings, `${key}_file`.split('.'));
    if (typeof file !== 'string' || valueAt(settings, key.split('.')) !== null) return [];
    try {
      graft(settings, key.split('.'), readSecretFile(home, file));
      return [];
    } catch (error) {
      const message = `expected a readable file that holds the secret, got ${file} (${(error as Error).message}).`;
      return [{ ...place(`${key}_file`.split('.')), message }];
    }
  });
}

/** Reads a text file, or throws a ConfigError that says why it cannot be read. */
export function readText(path: string, label: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = CANNOT_READ[code ?? ''] ?? `cannot be read: ${(error as Error).message}.`;
    throw new ConfigError([{ source: label, line: null, column: null, path: '', message }]);
  }
}

const CANNOT_READ: Readonly<Record<string, string>> = {
  ENOENT: 'no such file. Check the path.',
  EACCES: 'no permission to read this file. Make it readable for the user of the daemon.',
  EISDIR: 'expected a file, got a folder.',
};

import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { homePaths, packageRoot } from '../home.js';
import { checkYaml, readText } from '../load.js';
import { nearestKeys } from '../nearest.js';
import { ConfigError } from '../problem.js';
import { type Model, modelOf } from './model.js';
import { type Entry, modelContradictions, modelsSchema } from './schema.js';

/** The models of models.yaml. */
export interface Models {
  /** Names as written, in their order. */
  readonly names: readonly string[];
  /** Each of the names with its companions behind it, each model once. Throws ConfigError for a name
   * that is in no models.yaml. */
  chosen(names: readonly string[]): Model[];
}

/**
 * Reads `<home>/models.yaml`; what is not in it (or everything, where there is no such file) comes
 * from the models.yaml that ships with this program. Throws a ConfigError with every problem.
 */
export function loadModels(home: string): Models {
  const own = homePaths(home).models;
  const shipped = homePaths(packageRoot()).models;
  const first = existsSync(own) ? own : shipped;
  const entries = read(first, relative(home, own));
  const others = first === shipped ? entries : read(shipped, shipped);
  const known = (name: string): Entry | undefined => entries.get(name) ?? others.get(name);
  refuseUnknownCompanions(entries, known, relative(home, own));
  return {
    names: [...entries.keys()],
    chosen: (names) => {
      const found = new Map<string, Model>();
      const add = (name: string): void => {
        if (found.has(name)) return;
        const entry = known(name);
        if (entry === undefined) throw unknownModel(name, [...entries.keys(), ...others.keys()]);
        const model = modelOf(name, entry);
        found.set(name, model);
        model.companions.forEach(add);
      };
      names.forEach(add);
      return [...found.values()];
    },
  };
}

function read(path: string, label: string): Map<string, Entry> {
  const text = readText(path, label);
  const { data, problems } = checkYaml(modelsSchema, text, label, modelContradictions);
  if (problems.length > 0) throw new ConfigError(problems);
  return new Map(Object.entries(modelsSchema.parse(data)));
}

function refuseUnknownCompanions(
  entries: ReadonlyMap<string, Entry>,
  known: (name: string) => Entry | undefined,
  label: string,
): void {
  const problems = [...entries].flatMap(([name, entry]) =>
    (entry.companions ?? [])
      .filter((companion) => known(companion) === undefined)
      .map((companion) => ({
        source: label,
        line: null,
        column: null,
        path: `${name}.companions`,
        message: `there is no model named ${companion}.${meant(companion, [...entries.keys()])}`,
      })),
  );
  if (problems.length > 0) throw new ConfigError(problems);
}

function unknownModel(name: string, names: readonly string[]): ConfigError {
  const known = [...new Set(names)];
  const hint = meant(name, known) || ` Known: ${known.join(', ')}.`;
  const message = `there is no model named ${name}.${hint} A model of one's own is an entry of its own: name, repo, file.`;
  return new ConfigError([{ source: 'models.yaml', line: null, column: null, path: '', message }]);
}

function meant(name: string, known: readonly string[]): string {
  // Dots are part of a model's name and no path of keys.
  const plain = (text: string) => text.replaceAll('.', '-');
  const near = new Set(nearestKeys(plain(name), known.map(plain)));
  const names = known.filter((one) => near.has(plain(one)));
  return names.length === 0 ? '' : ` Did you mean ${names.join(' or ')}?`;
}

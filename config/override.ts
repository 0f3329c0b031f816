import { z } from 'zod';
import { isMap } from './path.js';
import { ConfigError } from './problem.js';
import {
  budgetsAboveCeilings,
  type Config,
  type HangConfig,
  hangSchema,
  type KillConfig,
  killSchema,
} from './schema.js';
import { keysOf } from './shape.js';

/** Some keys of a section, at any depth. */
export type Some<T> = { [K in keyof T]?: (T[K] extends object ? Some<T[K]> : T[K]) | undefined };

/** The same keys and checks as `section`, every one optional and without its default. */
function someOf<T extends z.ZodType>(section: T): z.ZodType<Some<z.output<T>>> {
  const keys = Object.entries(keysOf(section) ?? {}).map(([name, value]) => {
    const inner = keysOf(value)
      ? someOf(value as z.ZodType)
      : (value as z.ZodDefault).def.innerType;
    return [name, z.optional(inner)];
  });
  return z.strictObject(Object.fromEntries(keys)) as unknown as z.ZodType<Some<z.output<T>>>;
}

export const hangOverride = someOf(hangSchema);
export const killOverride = someOf(killSchema);

/**
 * The verdict settings in force for one job: its own keys over the configuration's.
 * Throws a ConfigError when the job raises a budget above the ceiling that would cut it.
 */
export function settingsForJob(
  config: Pick<Config, 'hang' | 'kill'>,
  job: { source: string; hang: Some<HangConfig>; kill: Some<KillConfig> },
): { hang: HangConfig; kill: KillConfig } {
  const hang = overlay(config.hang, job.hang);
  const kill = overlay(config.kill, job.kill);
  const problems = budgetsAboveCeilings(hang, job.hang).map(({ path, message }) => ({
    source: job.source,
    line: null,
    column: null,
    path: path.join('.'),
    message,
  }));
  if (problems.length > 0) throw new ConfigError(problems);
  return { hang, kill };
}

function overlay<T extends object>(base: T, over: Some<T>): T {
  const merged = { ...base } as Record<string, unknown>;
  for (const [name, value] of Object.entries(over)) {
    const below = merged[name];
    if (value === undefined) continue;
    merged[name] = isMap(below) && isMap(value) ? overlay(below, value) : value;
  }
  return merged as T;
}

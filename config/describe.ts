import { z } from 'zod';
import { leafNotes } from './leaves.js';
import { configSchema } from './schema.js';
import { bare, keysOf } from './shape.js';
import { formatBytes } from './units.js';

/** One row of the table of settings. */
export interface KeyDoc {
  /** Dotted, e.g. `hang.defaults.step`. */
  path: string;
  type: string;
  /** As it would be written in YAML: sizes as `10MiB`, nothing as `null`. */
  default: string | number | boolean | null;
  doc: string;
}

/** Every key of the configuration in the order of the schema, for the README and the example. */
export function describeConfig(): KeyDoc[] {
  return describe(configSchema, '');
}

function describe(schema: z.core.$ZodType, prefix: string): KeyDoc[] {
  return Object.entries(keysOf(schema) ?? {}).flatMap(([name, value]) => {
    const path = prefix + name;
    if (keysOf(value)) return describe(value, `${path}.`);
    const note = leafNotes.get(bare(value));
    const fallback: unknown = value instanceof z.ZodDefault ? value.def.defaultValue : null;
    return {
      path,
      type: note?.type ?? '',
      default: note?.kind === 'bytes' ? formatBytes(fallback as number) : asYaml(fallback),
      doc: value instanceof z.ZodType ? (value.description ?? '') : '',
    };
  });
}

function asYaml(value: unknown): KeyDoc['default'] {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  return value as KeyDoc['default'];
}

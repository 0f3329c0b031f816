import { z } from 'zod';
import { type LeafNote, leafNotes } from './leaves.js';
import { isMap, type Path } from './path.js';

/** The schema behind defaults and optionality; a noted leaf is never taken apart. */
export function bare(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (!leafNotes.has(inner)) {
    if (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault)
      inner = inner.def.innerType;
    else if (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable)
      inner = inner.def.innerType;
    else break;
  }
  return inner;
}

/** The keys of a section, or null when the schema is no section with fixed keys. */
export function keysOf(schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> | null {
  const inner = bare(schema);
  return inner instanceof z.ZodObject && !leafNotes.has(inner) ? inner.shape : null;
}

/** The schema that governs `path`, bare; null where the path leaves the schema. */
export function schemaAt(root: z.core.$ZodType, path: Path): z.core.$ZodType | null {
  let schema = bare(root);
  for (const part of path) {
    const keys = keysOf(schema);
    let next: z.core.$ZodType | undefined;
    if (keys) next = Object.hasOwn(keys, part) ? keys[part] : undefined;
    else if (schema instanceof z.ZodArray) next = schema.def.element;
    else if (schema instanceof z.ZodRecord) next = schema.def.valueType;
    if (!next) return null;
    schema = bare(next);
  }
  return schema;
}

/** What the leaf at `path` says about itself; null for sections, lists and unknown paths. */
export function noteAt(root: z.core.$ZodType, path: Path): LeafNote | null {
  const schema = schemaAt(root, path);
  return (schema && leafNotes.get(schema)) ?? null;
}

/** Every fixed key below `root` as a dotted path, sections before their keys. */
export function knownPaths(root: z.core.$ZodType, prefix = ''): string[] {
  return Object.entries(keysOf(root) ?? {}).flatMap(([name, schema]) => [
    prefix + name,
    ...knownPaths(schema, `${prefix}${name}.`),
  ]);
}

/**
 * Prepares what a person wrote for the schema: a section whose keys are all commented out (null
 * in YAML) is a section left out, and a `word` written as a number keeps its spelling (`007`,
 * `1e-4`), which `sourceText` gives.
 */
export function prepare(
  root: z.core.$ZodType,
  data: unknown,
  sourceText: (path: Path) => string | null,
  path: Path = [],
): unknown {
  const schema = schemaAt(root, path);
  if (schema === null) return data;
  if (leafNotes.get(schema)?.kind === 'word') {
    const scalar = typeof data === 'number' || typeof data === 'boolean';
    return scalar ? (sourceText(path) ?? String(data)) : data;
  }
  if (Array.isArray(data)) {
    return data.map((item, i) => prepare(root, item, sourceText, [...path, i]));
  }
  if (!isMap(data)) return data;
  // No prototype: a key named __proto__ is then a key like any other, and refused as unknown.
  const prepared: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(data)) {
    const below = [...path, name];
    const inner = schemaAt(root, below);
    if (value === null && inner && !leafNotes.has(inner)) continue;
    prepared[name] = prepare(root, value, sourceText, below);
  }
  return prepared;
}

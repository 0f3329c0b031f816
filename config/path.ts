/** A place inside a configuration: keys and list positions, outermost first. */
export type Path = readonly (string | number)[];

/** `['hang', 'defaults', 'step']` is shown as `hang.defaults.step`, a list position as `args[1]`. */
export function showPath(path: Path): string {
  return path.reduce<string>((shown, part) => {
    if (typeof part === 'number') return `${shown}[${part}]`;
    return shown === '' ? part : `${shown}.${part}`;
  }, '');
}

/** The value at `path` inside plain data; undefined where nothing is there. */
export function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) {
      return undefined;
    }
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** True for a plain map of keys, as YAML makes them. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

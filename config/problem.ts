/** One thing wrong with a setting, and where it was written. */
export interface Problem {
  /** The file as a person would name it, or `NIGHTWARDEN_… (environment)`. */
  source: string;
  /** 1-based; null where the source has no lines (environment, a file that cannot be read). */
  line: number | null;
  /** 1-based; null as above. */
  column: number | null;
  /** The key's dotted path; '' when the whole source is meant. */
  path: string;
  /** What was expected, what was given and what to do. */
  message: string;
}

/**
 * Thrown for every mistake in configuration, job files and their environment overrides.
 * Carries all problems found, not only the first; `message` has one line for each.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** `file:3:5  http.port: expected …` or `NIGHTWARDEN_HTTP__PORT (environment): http.port: …`. */
export function formatProblem(problem: Problem): string {
  const { source, line, column, path, message } = problem;
  const text = path === '' ? message : `${path}: ${message}`;
  if (line === null) return `${source}: ${text}`;
  return `${source}:${line}:${column ?? 1}  ${text}`;
}

/** Reading order: by line, then column, so that a person can go through the file once. */
export function inReadingOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
}

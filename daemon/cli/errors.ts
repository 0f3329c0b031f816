/** Exit codes, told in the docs: schedulers and scripts rely on them. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Requeue it elsewhere: this host is bad. */
  hostBad: 33,
  /** Do not requeue: it would fail again. */
  gaveUp: 93,
} as const;

/** An error in words for the person at the terminal, and the exit code that goes with it. */
export class CliError extends Error {
  override readonly name = 'CliError';
  constructor(
    message: string,
    readonly code: number = EXIT.failed,
  ) {
    super(message);
  }
}

export const usageError = (message: string): CliError => new CliError(message, EXIT.usage);

// Told by name: importing the rooms that throw them would make every command load them.
const USAGE_ERRORS: ReadonlySet<string> = new Set([
  'ConfigError',
  'AdapterError',
  'LockHeld',
  'PortTaken',
  'NotAJournal',
]);

/** What an error means to a person and to a script. */
export function explain(error: unknown): { message: string; code: number } {
  if (error instanceof CliError) return { message: error.message, code: error.code };
  if (!isError(error)) return { message: String(error), code: EXIT.failed };
  const usage = USAGE_ERRORS.has(error.name);
  return { message: error.message || error.name, code: usage ? EXIT.usage : EXIT.failed };
}

// Errors of another realm (a test runner's) are no instance of this one's Error.
function isError(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && 'message' in value && 'name' in value;
}

export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

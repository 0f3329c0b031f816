/** A job that its trainer's adapter cannot run as it stands. The message is one line. */
export class AdapterError extends Error {
  override readonly name = 'AdapterError';
  /** The key's dotted path in the job file, e.g. `with.steps`. */
  readonly key: string;
  readonly expected: string;
  readonly remedy: string;

  constructor(key: string, expected: string, remedy: string) {
    super(`${key}: expected ${expected}. ${remedy}`);
    this.key = key;
    this.expected = expected;
    this.remedy = remedy;
  }
}

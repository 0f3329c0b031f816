/** What a request meets instead of, or on the way to, its answer. */
export type Fault =
  /** Answered so, and nothing is done. */
  | { readonly is: 'answer'; readonly status: number; readonly headers?: Record<string, string> }
  /** The connection is cut when this many bytes of the body have arrived, and nothing is done. */
  | { readonly is: 'cut'; readonly after: number }
  /** It is done, and the connection is cut before the answer goes out. */
  | { readonly is: 'swallow' }
  /** Nothing is ever answered. */
  | { readonly is: 'hang' };

interface Planned {
  readonly where: RegExp;
  readonly fault: Fault;
  left: number;
}

/** Faults to come, each for the next requests that it fits. */
export class Faults {
  private planned: Planned[] = [];

  /** `where` is matched against `METHOD /path`. */
  plan(where: RegExp, fault: Fault, times = 1): void {
    this.planned.push({ where, fault, left: times });
  }

  take(request: string): Fault | null {
    const next = this.planned.find(({ where, left }) => left > 0 && where.test(request));
    if (next === undefined) return null;
    next.left -= 1;
    return next.fault;
  }

  /** How many planned ones have not happened: a test that counts on one asks for none to be left. */
  get left(): number {
    return this.planned.reduce((sum, { left }) => sum + left, 0);
  }
}

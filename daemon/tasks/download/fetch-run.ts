import type { Address } from './address.js';
import { askedToWait } from './backoff.js';
import type { Budget } from './budget.js';
import { codeOf, DownloadError } from './errors.js';
import { Fault } from './fault.js';
import type { Head } from './head.js';
import { Landing } from './landing.js';
import type { Pen } from './pen.js';
import type { Transport } from './transport.js';
import { sleep } from './wait.js';
import type { Taker } from './wire.js';

export interface RunRequest {
  readonly address: Address;
  readonly headers: Readonly<Record<string, string>>;
  /** First byte, and the one after the last. */
  readonly start: number;
  readonly end: number;
  /** Of the whole file. */
  readonly size: number;
  /** Writes to the partial file. */
  readonly pen: Pen;
  /** Called after each write with the place up to which this run is on disk. */
  readonly onWritten: (upTo: number, bytes: number) => void;
  readonly stallSeconds: number;
  readonly budget: Budget;
  readonly transport: Transport;
  readonly signal: AbortSignal;
}

/**
 * Fetches one range and writes it to its place.
 * @returns seconds to the first byte, and the bytes a second after it
 * @throws Fault for what may go right next time; what was written until then stays and was told
 */
export async function fetchRun(run: RunRequest): Promise<{ wait: number; rate: number }> {
  const over = new AbortController();
  const signal = AbortSignal.any([run.signal, over.signal]);
  const stalled = () => over.abort(new Fault('stalled', `silent for ${run.stallSeconds} s`));
  const timer = setTimeout(stalled, 1000 * run.stallSeconds);
  const began = performance.now();
  const expected = run.end - run.start;
  try {
    const headers = {
      ...run.headers,
      'accept-encoding': 'identity',
      range: `bytes=${run.start}-${run.end - 1}`,
    };
    let first = began;
    const landing = new Landing(run.pen, run.start, (upTo, bytes) => {
      timer.refresh(); // a slow disk is no silence of the server
      run.onWritten(upTo, bytes);
    });
    let received = 0;
    const taker: Taker = {
      head(head) {
        judge(head, run);
        first = performance.now();
        timer.refresh();
      },
      body(piece) {
        timer.refresh();
        received += piece.length;
        if (received > expected)
          throw new Fault('server', `more than the ${expected} bytes that were asked for came`);
        const room = landing.take(piece);
        const rest = run.budget.took(piece.length);
        return rest > 5 ? Promise.all([room, pause(rest, timer, signal)]).then(() => {}) : room;
      },
    };
    try {
      await run.transport.fetch(run.address.url, headers, taker, signal);
    } finally {
      await landing.finish();
    }
    if (received < expected) throw new Fault('short', `${received} of ${expected} bytes`);
    const seconds = Math.max(1e-3, (performance.now() - first) / 1000);
    return { wait: (first - began) / 1000, rate: expected / seconds };
  } catch (error) {
    run.signal.throwIfAborted();
    if (over.signal.aborted) throw over.signal.reason;
    if (error instanceof Fault || error instanceof DownloadError) throw error;
    throw new Fault('network', codeOf(error) || (error as Error).message);
  } finally {
    clearTimeout(timer);
  }
}

/** Only an answer to exactly our question is taken. */
function judge({ status, headers }: Head, { address, start, end, size }: RunRequest): void {
  if (status === 429 || status === 503) {
    const wait = askedToWait(headers, Date.now());
    throw new Fault('busy', `status ${status}`, wait ?? (status === 429 ? 30 : null));
  }
  if (status >= 400 && status < 500 && status !== 408 && status !== 416)
    throw new Fault('expired', `status ${status}`);
  const all = start === 0 && end === size;
  if (status === 200 && !all)
    throw new Fault('server', 'the whole file came (200) where a part was asked for (206)');
  if (status !== 206 && status !== 200) throw new Fault('server', `status ${status}`);
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity')
    throw new Fault('server', `the body is encoded (${headers['content-encoding']})`);
  const wanted = `bytes ${start}-${end - 1}/${size}`;
  const range = headers['content-range'];
  if (status === 206 && range !== wanted)
    throw new Fault('server', `the range ${range ?? '(none)'} came where ${wanted} was asked for`);
  const length = headers['content-length'];
  if (status === 200 && length !== undefined && Number(length) !== size)
    throw new Fault('changed', `the file has ${length} bytes where ${size} were promised`);
  const etag = headers['etag'] ?? null;
  address.etag ??= etag;
  if (etag !== null && etag !== address.etag)
    throw new Fault('changed', `the content changed on the way (${address.etag} to ${etag})`);
}

async function pause(ms: number, timer: NodeJS.Timeout, signal: AbortSignal): Promise<void> {
  await sleep(ms / 1000, signal);
  timer.refresh();
}

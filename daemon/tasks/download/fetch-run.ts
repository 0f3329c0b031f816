import type { IncomingMessage } from 'node:http';
import type { Address } from './address.js';
import { askedToWait } from './backoff.js';
import type { Budget } from './budget.js';
import { codeOf, DownloadError, diskError } from './errors.js';
import { Fault } from './fault.js';
import type { Transport } from './transport.js';
import { writeAll } from './write.js';

export interface RunRequest {
  readonly address: Address;
  readonly headers: Readonly<Record<string, string>>;
  /** First byte, and the one after the last. */
  readonly start: number;
  readonly end: number;
  /** Of the whole file. */
  readonly size: number;
  /** The descriptor of the partial file. */
  readonly fd: number;
  /** Called after each write with the place up to which this run is on disk. */
  readonly onWritten: (upTo: number, bytes: number) => void;
  readonly stallSeconds: number;
  readonly budget: Budget;
  readonly transport: Transport;
  readonly signal: AbortSignal;
}

/** Bytes that are gathered before they are written: a write for each packet would cost more than
 * the network. */
const BATCH = 1 << 20;

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
  try {
    const headers = {
      ...run.headers,
      'accept-encoding': 'identity',
      range: `bytes=${run.start}-${run.end - 1}`,
    };
    const answer = await run.transport.send(run.address.url, { headers, signal });
    const first = performance.now();
    try {
      judge(answer, run);
      await pour(answer, run, timer);
    } catch (error) {
      // Unread, its body would hold the connection for ever.
      answer.destroy();
      throw error;
    }
    const seconds = Math.max(1e-3, (performance.now() - first) / 1000);
    return { wait: (first - began) / 1000, rate: (run.end - run.start) / seconds };
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
function judge(answer: IncomingMessage, { address, start, end, size }: RunRequest): void {
  const { statusCode: status = 0, headers } = answer;
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
  const etag = headers.etag ?? null;
  address.etag ??= etag;
  if (etag !== null && etag !== address.etag)
    throw new Fault('changed', `the content changed on the way (${address.etag} to ${etag})`);
}

/** Settles only when no write is under way: a late one could land on what the next try wrote. */
function pour(answer: IncomingMessage, run: RunRequest, timer: NodeJS.Timeout): Promise<void> {
  return new Promise((resolve, reject) => {
    const expected = run.end - run.start;
    let gathered: Buffer[] = [];
    let waiting = 0;
    let received = 0;
    let at = run.start;
    let writing = false;
    let held = false;
    /** How the body ended; null while it comes. */
    let end: { fault: Fault | null } | null = null;

    const write = (): void => {
      if (writing) return;
      if (waiting === 0) {
        if (end?.fault) reject(end.fault);
        else if (end !== null) resolve();
        return;
      }
      if (waiting < BATCH && end === null) return;
      const [buffers, bytes] = [gathered, waiting];
      gathered = [];
      waiting = 0;
      writing = true;
      writeAll(run.fd, buffers, at, (error) => {
        writing = false;
        timer.refresh(); // a slow disk is no silence of the server
        if (error !== null) {
          answer.destroy();
          reject(diskError(error));
          return;
        }
        at += bytes;
        run.onWritten(at, bytes);
        if (!held && answer.isPaused()) answer.resume();
        write();
      });
    };
    const finish = (fault: Fault | null): void => {
      end ??= { fault };
      write();
    };

    answer.on('data', (piece: Buffer) => {
      timer.refresh();
      received += piece.length;
      if (received > expected) {
        answer.destroy();
        finish(new Fault('server', `more than the ${expected} bytes that were asked for came`));
        return;
      }
      gathered.push(piece);
      waiting += piece.length;
      const rest = run.budget.took(piece.length);
      if (rest > 5) {
        held = true;
        answer.pause();
        setTimeout(() => {
          held = false;
          timer.refresh();
          answer.resume();
        }, rest);
      }
      write();
      // The disk is slower than the network: no more is taken in than one batch ahead.
      if (writing && waiting >= BATCH) answer.pause();
    });
    answer.once('end', () => {
      finish(received === expected ? null : new Fault('short', `${received} of ${expected} bytes`));
    });
    answer.once('error', (error) => finish(new Fault('network', codeOf(error) || error.message)));
    answer.once('close', () => finish(new Fault('network', 'the connection broke')));
  });
}

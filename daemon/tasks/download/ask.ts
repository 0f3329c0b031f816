import type { IncomingMessage } from 'node:http';
import { askedToWait, backoff } from './backoff.js';
import { codeOf, DownloadError } from './errors.js';
import type { Session } from './session.js';
import { bodyOf, type Outgoing } from './transport.js';
import { sleep } from './wait.js';

/** The Hub's own words on why it refuses. */
export interface Refused {
  readonly status: number;
  /** `X-Error-Code`: RepoNotFound, RevisionNotFound, EntryNotFound, GatedRepo; '' without one. */
  readonly code: string;
  readonly message: string;
  /** Where the token that was sent came from; null for a stranger. */
  readonly token: string | null;
}

/** A 401, 403 or 404; with what a stranger had been told before a token was tried. */
export class HubRefused extends Error {
  override readonly name = 'HubRefused';
  constructor(
    readonly refused: Refused,
    readonly stranger: Refused,
  ) {
    super(`${refused.status} ${refused.code} ${refused.message}`);
  }
}

const REFUSALS: ReadonlySet<number> = new Set([401, 403, 404]);

/**
 * One question to the Hub about a repository: as a stranger first, and with the token once the repo
 * says 401 or 403. Network faults, 429 and 5xx are waited out. Redirects are handed back.
 * @throws HubRefused; DownloadError when our patience ends.
 */
export async function ask(
  session: Session,
  repo: string,
  url: URL,
  outgoing: Omit<Outgoing, 'signal'> = {},
  patience = session.settings.patience_seconds,
): Promise<IncomingMessage> {
  let stranger: Refused | null = null;
  for (;;) {
    const token = session.closed.has(repo) ? session.token() : null;
    const headers = {
      ...outgoing.headers,
      ...authorization(session, url, token?.secret.reveal() ?? null),
    };
    const answer = await persist(session, url, { ...outgoing, headers }, patience);
    const status = answer.statusCode ?? 0;
    if (!REFUSALS.has(status)) return answer;
    const refused = await refusalOf(answer, token?.from ?? null);
    stranger ??= refused;
    const mayHelp = status !== 404 && !session.closed.has(repo) && session.token() !== null;
    if (!mayHelp) throw new HubRefused(refused, stranger);
    session.closed.add(repo);
  }
}

/** The token goes to the Hub alone, whatever address it names. */
export function authorization(
  session: Session,
  url: URL,
  token: string | null,
): Record<string, string> {
  if (token === null || url.origin !== new URL(session.endpoint).origin) return {};
  return { authorization: `Bearer ${token}` };
}

async function refusalOf(answer: IncomingMessage, token: string | null): Promise<Refused> {
  const body = (await bodyOf(answer).catch(() => Buffer.alloc(0))).toString();
  const said = String(answer.headers['x-error-message'] ?? '') || errorIn(body);
  return {
    status: answer.statusCode ?? 0,
    code: String(answer.headers['x-error-code'] ?? ''),
    message: said.slice(0, 300),
    token,
  };
}

function errorIn(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    return typeof error === 'string' ? error : '';
  } catch {
    return ''; // A page, from something between us and the Hub.
  }
}

async function persist(
  session: Session,
  url: URL,
  outgoing: Omit<Outgoing, 'signal'>,
  patience: number,
): Promise<IncomingMessage> {
  const until = performance.now() + 1000 * patience;
  for (let nth = 1; ; nth++) {
    await session.gates.pass(url.origin, session.signal);
    const outcome = await once(session, url, outgoing);
    if ('answer' in outcome) return outcome.answer;
    session.signal.throwIfAborted();
    if (/CERT|SIGNATURE/.test(outcome.why)) throw unknownCertificate(url, outcome.why);
    const seconds = outcome.wait ?? backoff(nth, Math.random());
    if (performance.now() + 1000 * seconds > until) {
      throw new DownloadError(
        'network',
        `${url.host} cannot be asked: ${outcome.why}.`,
        'Look at the connection of this machine (and HF_ENDPOINT, https_proxy and no_proxy, where they are set), then start the download again: what is there is kept.',
      );
    }
    if (outcome.wait !== null) session.gates.shut(url.origin, seconds);
    session.report({ type: 'waiting', why: `${url.host}: ${outcome.why}`, seconds });
    if (outcome.wait === null) await sleep(seconds, session.signal);
  }
}

/** No wait makes it known. */
function unknownCertificate(url: URL, why: string): DownloadError {
  return new DownloadError(
    'network',
    `${url.host} shows a certificate that nobody here vouches for: ${why}.`,
    'If a proxy or a mirror has one of its own, name its file in NODE_EXTRA_CA_CERTS; else look at the clock of this machine and at who answers in that name.',
  );
}

type Outcome = { answer: IncomingMessage } | { why: string; wait: number | null };

async function once(
  session: Session,
  url: URL,
  outgoing: Omit<Outgoing, 'signal'>,
): Promise<Outcome> {
  const stall = AbortSignal.timeout(1000 * session.settings.stall_seconds);
  try {
    const signal = AbortSignal.any([session.signal, stall]);
    const answer = await session.transport.send(url, { ...outgoing, signal });
    const status = answer.statusCode ?? 0;
    if (status === 407) {
      answer.destroy();
      throw new DownloadError(
        'network',
        `The proxy lets nobody through to ${url.host} like this (status 407).`,
        'Put user and password into https_proxy (http://user:password@proxy:port), or the host into no_proxy.',
      );
    }
    if (status !== 429 && status !== 408 && status < 500) return { answer };
    const wait = askedToWait(answer.headers, Date.now()) ?? (status === 429 ? 30 : null);
    answer.destroy();
    const why = status === 429 ? 'too many requests' : `status ${status}`;
    return { why, wait };
  } catch (error) {
    if (error instanceof DownloadError) throw error;
    const why = stall.aborted ? 'no answer' : codeOf(error) || (error as Error).message;
    return { why, wait: null };
  }
}

import { createHash, timingSafeEqual } from 'node:crypto';

/** What a request shows at the door; header values as sent, undefined when absent. */
export interface Knock {
  readonly method: string;
  readonly path: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
}

export interface Door {
  readonly loopback: boolean;
  /** Null when there is none, which only a loopback door can do without. */
  readonly token: string | null;
  readonly tokenFile: string;
}

export interface Refusal {
  readonly status: 401 | 403;
  readonly error: string;
}

/**
 * Who may come in. Beyond loopback: whoever has the token, and anyone to /healthz. On loopback:
 * every program of this machine, but no web page in its browser. A page reaches us through a name of
 * its own that resolves to 127.0.0.1 (DNS rebinding; its Host header tells), or by a form sent across
 * sites (its Origin header tells). No page can know the token, so with it nothing else matters.
 */
export function refusal(knock: Knock, door: Door): Refusal | null {
  if (door.token !== null && carries(knock.authorization, door.token)) return null;
  if (!door.loopback) return knock.path === '/healthz' ? null : unauthorised(door);
  if (knock.host === undefined || !LOCAL_HOST.test(knock.host)) return foreignHost(knock.host);
  const changes = knock.method !== 'GET' && knock.method !== 'HEAD';
  if (changes && knock.origin !== undefined && !sameOrigin(knock.origin, knock.host)) {
    return {
      status: 403,
      error: `requests from another site (${knock.origin}) change nothing here`,
    };
  }
  return null;
}

const LOCAL_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

/** Whether only programs of this machine can reach what listens on `host`. A name that is not known
 * to be local counts as not: the token asked for in vain does less harm than none asked for. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

function sameOrigin(origin: string, host: string): boolean {
  return origin.toLowerCase() === `http://${host.toLowerCase()}`;
}

/** Digests, since timingSafeEqual wants equal lengths and the length is a secret too. */
function carries(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function unauthorised(door: Door): Refusal {
  return {
    status: 401,
    error:
      'this daemon listens beyond loopback and asks for its token: send the header ' +
      `"Authorization: Bearer TOKEN"; TOKEN is in the file ${door.tokenFile} on its machine`,
  };
}

function foreignHost(host: string | undefined): Refusal {
  return {
    status: 403,
    error:
      `the Host header says ${host ?? 'nothing'}, this daemon answers to localhost, 127.0.0.1 and ` +
      '[::1] only; through a proxy under another name, send the token in the Authorization header',
  };
}

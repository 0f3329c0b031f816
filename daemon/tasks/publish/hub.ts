import { Cannot } from '../cannot.js';
import { GIVE } from './account.js';

/** What every call of the Hub's client is given. */
export interface Hub {
  readonly hubUrl: string;
  readonly fetch: typeof fetch;
}

/** The Hub, or what HF_ENDPOINT names instead; the client by itself would ignore that. Throws
 * Cannot. */
export function hubUrlOf(env: NodeJS.ProcessEnv): string {
  const url = (env['HF_ENDPOINT']?.trim() || 'https://huggingface.co').replace(/\/+$/, '');
  if (/^https?:\/\/./.test(url) && URL.canParse(url)) return url;
  throw new Cannot(
    `HF_ENDPOINT is no address of a Hub: ${JSON.stringify(url)}`,
    'Write it as https://huggingface.co, or leave the variable out.',
    true,
  );
}

/** An error of the Hub's client, or of the way there, in words for the owner of the job. */
export function explained(error: unknown, hub: Pick<Hub, 'hubUrl'>, from: string): unknown {
  if (error instanceof Cannot) return error;
  const { statusCode, url, message, cause, name } = error as Error & {
    statusCode?: number;
    url?: string;
    cause?: Error & { code?: string };
  };
  if (statusCode === undefined) {
    if (name !== 'TimeoutError' && message !== 'fetch failed') return error;
    const why = name === 'TimeoutError' ? 'no answer in time' : (cause?.code ?? cause?.message);
    return new Cannot(`${hub.hubUrl} cannot be reached: ${why}`, '', false);
  }
  // An address of the storage behind the Hub is signed for a while; the next try gets a new one.
  if (url !== undefined && !isApi(url, hub))
    return new Cannot(`the Hub's storage answered ${statusCode}`, '', false);
  const said = `the Hub answered ${statusCode}: ${message.split('. URL: ')[0]}`;
  if (statusCode === 401)
    return new Cannot(`${said} (token from ${from})`, `Make a new token and ${GIVE}.`, true);
  if (statusCode === 403)
    return new Cannot(`${said} (token from ${from})`, 'Give a token that may write there.', true);
  const passing = statusCode >= 500 || [408, 409, 412, 429].includes(statusCode);
  return new Cannot(said, '', !passing);
}

function isApi(url: string, { hubUrl }: Pick<Hub, 'hubUrl'>): boolean {
  return url.startsWith(`${hubUrl}/api/`) || url.includes('.git/info/lfs/');
}

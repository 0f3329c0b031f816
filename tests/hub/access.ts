import type { Refusal } from './answers.js';
import type { Repo } from './repos.js';

/** Who asks: nobody in particular, a user, or someone with a token that the Hub does not know. */
export type Visitor =
  | { readonly is: 'anonymous' }
  | { readonly is: 'user'; readonly name: string; readonly role: 'read' | 'write' }
  | { readonly is: 'unknown' };

export interface Token {
  readonly user: string;
  readonly role: 'read' | 'write';
}

export function visitorOf(
  authorization: string | undefined,
  tokens: ReadonlyMap<string, Token>,
): Visitor {
  if (authorization === undefined) return { is: 'anonymous' };
  const token = tokens.get(authorization.replace(/^Bearer /, ''));
  return token === undefined
    ? { is: 'unknown' }
    : { is: 'user', name: token.user, role: token.role };
}

const BAD_TOKEN: Refusal = {
  status: 401,
  message: 'Invalid credentials in Authorization header',
};

/** What the Hub says to someone who asks about a repo; null where it answers. A private repo is as
 * good as missing to those who may not see it. */
export function refuseRepo(repo: Repo | undefined, visitor: Visitor): Refusal | null {
  if (visitor.is === 'unknown') return BAD_TOKEN;
  const seen = repo !== undefined && (!repo.private || mayRead(repo, visitor));
  if (seen) return null;
  return visitor.is === 'anonymous'
    ? { status: 401, code: 'RepoNotFound', message: 'Invalid username or password.' }
    : { status: 404, code: 'RepoNotFound', message: 'Repository not found' };
}

/** The facts of a gated repo are public; its files are not. */
export function refuseFile(repo: Repo, visitor: Visitor): Refusal | null {
  if (repo.gated === false || mayRead(repo, visitor)) return null;
  const message =
    visitor.is === 'anonymous'
      ? `Access to model ${repo.id} is restricted. You must have access to it and be authenticated to access it. Please log in.`
      : `Access to model ${repo.id} is restricted and you are not in the authorized list. Visit https://huggingface.co/${repo.id} to ask for access.`;
  return { status: visitor.is === 'anonymous' ? 401 : 403, code: 'GatedRepo', message };
}

function mayRead(repo: Repo, visitor: Visitor): boolean {
  return visitor.is === 'user' && repo.readers.has(visitor.name);
}

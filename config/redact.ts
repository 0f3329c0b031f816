/** Shorter ones would blank out ordinary words. */
const SHORTEST = 8;

/** Every spelling of a secret that a line may carry, longest first. */
let known: readonly string[] = [];

/** From now on `redact` takes this secret out of whatever is written, however it is spelled. */
export function keepSecret(value: string): void {
  if (value.length < SHORTEST || known.includes(value)) return;
  const spellings = [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)];
  known = [...new Set([...known, ...spellings])].sort((a, b) => b.length - a.length);
}

/**
 * Takes secrets out of a text: those this process holds, wherever they came from, and what looks like
 * one: Hub tokens, bearer headers, a password in a URL. Nothing should ever hand one to a log, but
 * reasons quote the output of trainers and the answers of servers, and those print what they like.
 */
export function redact(text: string): string {
  let clean = text;
  for (const secret of known) {
    if (clean.includes(secret)) clean = clean.replaceAll(secret, '(redacted)');
  }
  return clean
    .replace(/\bhf_[A-Za-z0-9]{16,}/g, 'hf_(redacted)')
    .replace(/\b(Bearer\s+)[\w.~+/=-]{16,}/gi, '$1(redacted)')
    .replace(/(:\/\/)[^\s/:@"]+:[^\s/@"]+@/g, '$1(redacted)@');
}

/** The same for every text in a value that is plain data; its keys stay. */
export function redactData<T>(value: T): T {
  if (typeof value === 'string') return redact(value) as T;
  if (Array.isArray(value)) return value.map(redactData) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, redactData(inner)]),
  ) as T;
}

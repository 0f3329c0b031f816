/**
 * Takes what looks like a secret out of a line: Hub tokens, bearer headers, a password in a URL.
 * Nothing here should ever hand one to the log; but reasons quote the output of trainers, and those
 * print what they like.
 */
export function redact(line: string): string {
  return line
    .replace(/\bhf_[A-Za-z0-9]{16,}/g, 'hf_(redacted)')
    .replace(/\b(Bearer\s+)[\w.~+/=-]{16,}/gi, '$1(redacted)')
    .replace(/(:\/\/)[^\s/:@"]+:[^\s/@"]+@/g, '$1(redacted)@');
}

import { nearestKeys } from './nearest.js';

/** What may stand in braces in `resume.args`; filled in when an attempt starts. */
const PLACEHOLDERS = ['checkpoint', 'step', 'epoch', 'checkpoint_name'] as const;

/** The names in braces in one argument, in order. Braces around anything else are plain text. */
function placeholdersIn(argument: string): string[] {
  return [...argument.matchAll(/\{([A-Za-z_]\w*)\}/g)].map((match) => match[1]!);
}

/** Says what is wrong with the placeholders of an argument; null when nothing is. */
export function placeholderFault(argument: string): string | null {
  const names = placeholdersIn(argument);
  const wrong = names.find((name) => !(PLACEHOLDERS as readonly string[]).includes(name));
  if (wrong === undefined) return null;
  const near = nearestKeys(wrong, PLACEHOLDERS)[0];
  const meant = near === undefined ? '' : ` Did you mean {${near}}?`;
  const known = PLACEHOLDERS.map((name) => `{${name}}`).join(' ');
  return `unknown placeholder {${wrong}}.${meant} Known: ${known}.`;
}

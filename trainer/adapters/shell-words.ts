/** What a shell would do with a script and we do not: expansions, several commands, redirections. */
export class ShellText extends Error {}

/**
 * The words of a script of one command, as `bash` reads them: lines that end in a backslash go on,
 * the last may end in one too; comment lines are left out, quotes hold words together.
 *
 * @throws ShellText for anything that takes a shell to run, naming the line
 */
export function shellWords(script: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let line = 1;
  let ended = false;
  const fail = (what: string): never => {
    throw new ShellText(`line ${line}: ${what}`);
  };
  const add = (text: string): void => {
    if (ended && word === null) fail('a second command begins here');
    word = (word ?? '') + text;
  };
  const close = (): void => {
    if (word !== null) words.push(word);
    word = null;
  };
  for (let at = 0; at < script.length; at += 1) {
    const char = script[at] as string;
    const next = script[at + 1];
    if (char === '\\' && (next === '\n' || script.slice(at + 1).startsWith('\r\n'))) {
      at += next === '\n' ? 1 : 2;
      line += 1;
    } else if (char === '\\' && (next === undefined || script.slice(at + 1).trim() === '')) break;
    else if (char === '\\') {
      add(next as string);
      at += 1;
    } else if (char === '\n') {
      close();
      ended = words.length > 0;
      line += 1;
    } else if (/\s/.test(char)) close();
    else if (char === '#' && word === null) {
      while (at + 1 < script.length && script[at + 1] !== '\n') at += 1;
    } else if (char === "'" || char === '"') {
      const end = closing(script, at, char);
      if (end < 0) fail(`the quote ${char} is not closed`);
      const inside = script.slice(at + 1, end);
      if (char === '"' && /(?<!\\)[$`]/.test(inside)) fail(`${inside} is filled in by a shell`);
      add(char === '"' ? inside.replace(/\\([\\"$`\n])/g, '$1') : inside);
      line += inside.split('\n').length - 1;
      at = end;
    } else if (/[$`|&;<>()]/.test(char)) fail(`${char} takes a shell`);
    else add(char);
  }
  close();
  return words;
}

function closing(script: string, at: number, quote: string): number {
  for (let end = at + 1; end < script.length; end += 1) {
    if (quote === '"' && script[end] === '\\') end += 1;
    else if (script[end] === quote) return end;
  }
  return -1;
}

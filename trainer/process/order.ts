/** What a shepherd that was started ahead is told to run. */
export interface Order {
  readonly dir: string;
  readonly cwd: string;
  readonly log: string;
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** The shell reads a line byte by byte, and an argument list too long for the kernel must fail where
 * that is told, so long orders are left to a shepherd of their own. */
const LONGEST = 16_384;

/**
 * The order as one line of POSIX shell for `shepherd.sh -`, whose environment is `base` now; null for
 * one that cannot be told so: too long, or a variable whose name a shell does not take.
 */
export function orderLine(order: Order, base: NodeJS.ProcessEnv): string | null {
  const parts = [
    `dir=${quoted(order.dir)} cwd=${quoted(order.cwd)} log=${quoted(order.log)}`,
    `set -- ${order.argv.map(quoted).join(' ')}`,
  ];
  for (const name of new Set([...Object.keys(base), ...Object.keys(order.env)])) {
    const value = order.env[name];
    if (value === base[name]) continue;
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return null;
    parts.push(value === undefined ? `unset ${name}` : `export ${name}=${quoted(value)}`);
  }
  const line = `${parts.join('; ')}\n`;
  return line.length > LONGEST || line.includes('\0') ? null : line;
}

/** One word, whatever is in it. A line end would end the order: it stands in the variable `nl`. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`).replaceAll('\n', `'"$nl"'`)}'`;
}

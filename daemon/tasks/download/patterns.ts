/** Whether a path fits one of the patterns, as the Hub's own clients read them: `*` is any text,
 * slashes too, `?` any character, `[abc]` one of them (Python's fnmatch). `folder/` is all in it. */
export function matchesAny(path: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => regexOf(pattern).test(path));
}

function regexOf(pattern: string): RegExp {
  const whole = pattern.endsWith('/') ? `${pattern}*` : pattern;
  const source = whole.replace(/\[!?[^\]]+\]|[\\^$.*+?()[\]{}|]/g, (part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    if (part.length > 1) return part.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
    return `\\${part}`;
  });
  return new RegExp(`^${source}$`, 's');
}

import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';
import type { Path } from './path.js';
import { inReadingOrder, type Problem } from './problem.js';

/** A YAML text read into plain data, which still knows where everything was written. */
export interface YamlSource {
  /** Plain data; null for an empty text, and undefined when the syntax is too broken to trust. */
  readonly data: unknown;
  /** Problems of syntax: what stands wrong and what to write instead. */
  readonly problems: readonly Problem[];
  /** Where the key (or its value) at `path` stands, 1-based; its nearest parent when absent. */
  at(path: Path, which: 'key' | 'value'): { line: number; column: number };
  /** A scalar exactly as it was written (`007`, `1e-4`); null for anything else. */
  textAt(path: Path): string | null;
}

/** Reads one YAML 1.2 document. Never throws; `label` names the source in problems. */
export function readYaml(text: string, label: string): YamlSource {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const position = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problemAt = (offset: number, path: string, message: string): Problem => ({
    source: label,
    ...position(offset),
    path,
    message,
  });

  const problems = doc.errors.map((error) =>
    problemAt(error.pos[0], '', SYNTAX[error.code] ?? `${error.message}. ${CHECK_LINE}`),
  );
  visit(doc, {
    Alias(_, node) {
      if (node.resolve(doc)) return;
      const message = `*${node.source} is a reference to an anchor that does not exist. If it is meant as text, put it in quotes: '*${node.source}'.`;
      problems.push(problemAt(node.range?.[0] ?? 0, '', message));
    },
  });
  // A doubled key leaves the rest of the text trustworthy, so that its other mistakes can be
  // named in the same run; after any other error the tree is a guess.
  const usable = problems.length === doc.errors.filter((e) => e.code === 'DUPLICATE_KEY').length;
  let data: unknown;
  try {
    data = usable ? doc.toJS() : undefined;
  } catch (error) {
    // yaml throws here for references that grow without bound ("billion laughs").
    problems.push(problemAt(0, '', `cannot be read: ${(error as Error).message}.`));
  }
  return {
    data,
    problems: firstOfEachLine(inReadingOrder(problems)),
    at: (path, which) => position(offsetOf(doc, path, which)),
    textAt: (path) => {
      const node = find(doc, path)?.value;
      return isScalar(node) ? (node.source ?? null) : null;
    },
  };
}

/** One slip makes the parser stumble several times on a line; the first stumble is the slip. */
function firstOfEachLine(problems: readonly Problem[]): Problem[] {
  return problems.filter((problem, i) => i === 0 || problem.line !== problems[i - 1]!.line);
}

interface Found {
  key: Node | null;
  value: Node | null;
}

function find(doc: Document, path: Path): Found | null {
  let found: Found = { key: null, value: doc.contents as Node | null };
  for (const part of path) {
    const node = isAlias(found.value) ? found.value.resolve(doc) : found.value;
    if (isSeq(node) && typeof part === 'number') {
      found = { key: null, value: (node.items[part] as Node | undefined) ?? null };
    } else if (isMap(node)) {
      // The last, since it is the last of two equal keys whose value is in the data.
      const pair = node.items.findLast((item) => keyName(item) === String(part));
      if (!pair) return null;
      found = { key: pair.key as Node | null, value: pair.value as Node | null };
    } else return null;
  }
  return found;
}

const keyName = (pair: Pair): string =>
  String(isScalar(pair.key) ? pair.key.value : (pair.key ?? ''));

function offsetOf(doc: Document, path: Path, which: 'key' | 'value'): number {
  for (let depth = path.length; depth > 0; depth--) {
    const found = find(doc, path.slice(0, depth));
    if (!found) continue;
    // `port:` with nothing behind it has a value without a place of its own.
    const empty = isScalar(found.value) && found.value.value === null && !found.value.source;
    const wantKey = which === 'key' || depth < path.length || empty;
    const node = (wantKey ? found.key : null) ?? found.value ?? found.key;
    if (node?.range) return node.range[0];
  }
  return doc.contents?.range?.[0] ?? 0;
}

const CHECK_LINE = 'Check the indentation, colons and quotes of this line.';

const SYNTAX: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'a tab is not allowed as indentation. Use spaces.',
  DUPLICATE_KEY: 'this key stands twice in the same section. Keep one of the two.',
  MULTIPLE_DOCS: 'a second document starts here. Keep one document: remove this "---".',
  BAD_DQ_ESCAPE:
    'a backslash in double quotes starts an escape that does not exist. Use single quotes.',
  BAD_SCALAR_START: 'a value cannot start with this character. Put the value in quotes.',
  BAD_INDENT: `the indentation does not fit, or a bracket is not closed. ${CHECK_LINE}`,
  BLOCK_AS_IMPLICIT_KEY:
    'a second "key: value" begins on this line. Put it on a line of its own, or the value in quotes.',
  MULTILINE_IMPLICIT_KEY: 'expected "key: value" on one line. A colon is missing here.',
  MISSING_CHAR: `a closing quote, bracket, comma or colon is missing. ${CHECK_LINE}`,
  UNEXPECTED_TOKEN: `this does not fit here. ${CHECK_LINE}`,
};

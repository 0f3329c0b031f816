import { describeConfig } from './describe.js';
import { variableName } from './environment.js';

const HEAD = `## Settings of Nightwarden. Copy this file to config/nightwarden.yaml and change what you need:
## remove the "# " in front of a key and in front of each section above it. What stays commented
## out keeps the default shown here. Every key can also be set by environment, which wins over the
## file: http.port is NIGHTWARDEN_HTTP__PORT. Keys in _seconds are seconds; keys in _bytes take
## 64MiB, 2GB or a number of bytes.
`;

/**
 * The text of config/nightwarden.example.yaml: every key commented out, with its default and doc.
 * A test holds the file to it. To write it anew after a change of the schema and a build:
 * `node --input-type=module -e "import {renderExample} from './dist/config/index.js';
 * process.stdout.write(renderExample())" > config/nightwarden.example.yaml`
 */
export function renderExample(): string {
  let open: string[] = [];
  const lines: string[] = [];
  for (const { path, type, default: fallback, doc } of describeConfig()) {
    const sections = path.split('.');
    const name = sections.pop() ?? path;
    const shared = sections.findIndex((section, i) => section !== open[i]);
    if (shared >= 0) {
      if (shared === 0) lines.push('');
      for (let i = shared; i < sections.length; i++) lines.push(`# ${indent(i)}${sections[i]}:`);
    }
    open = sections;
    const pad = indent(sections.length);
    lines.push(`# ${pad}# ${doc}`);
    // A secret is no key of this file, even for the asking.
    lines.push(`# ${pad}${type === 'secret' ? `# ${variableName(path)}` : `${name}: ${fallback}`}`);
  }
  return `${HEAD}${lines.join('\n')}\n`;
}

const indent = (depth: number): string => '  '.repeat(depth);

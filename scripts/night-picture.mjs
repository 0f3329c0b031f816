// Draws docs/night.svg, the README's picture of a night, from what `nightwarden demo` really prints:
//   nightwarden demo | node scripts/night-picture.mjs > docs/night.svg
import { text } from 'node:stream/consumers';

const WIDTH = 118;
const LINE = 19;
const PLAIN = '#c9d1d9';
const HUES = [
  [/crash|hang:|killed with SIGKILL/, '#ff7b72'],
  [/starts from|recovered|adopted|another daemon|goes on alone/, '#7ee787'],
  [/watched closely/, '#f2cc60'],
  [/finished|equal to/, '#a5d6ff'],
];

const escaped = (line) =>
  line.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);
const hue = (line) =>
  /^ *[\d.]+ s |^ {2}LoRA/.test(line)
    ? (HUES.find(([said]) => said.test(line))?.[1] ?? PLAIN)
    : PLAIN;

const printed = (await text(process.stdin)).trimEnd().split('\n');
const end = printed.findIndex((line) => line.startsWith('The LoRA and its sample pictures'));
const lines = ['$ npx nightwarden demo', '', ...printed.slice(0, end < 0 ? undefined : end)]
  .join('\n')
  .trimEnd()
  .split('\n')
  .map((line) => (line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line));
const [width, height] = [WIDTH * 8.1 + 40, lines.length * LINE + 40];
const rows = lines.map(
  (line, i) =>
    `<text x="20" y="${32 + i * LINE}" fill="${hue(line)}" xml:space="preserve">${escaped(line)}</text>`,
);
console.log(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13.5">
<title>What nightwarden demo prints: a crash, a killed daemon and a hang, and the same LoRA</title>
<rect width="100%" height="100%" rx="10" fill="#0d1117"/>
${rows.join('\n')}
</svg>`);

/**
 * Makes the sample data set, images/*.png with a caption beside each: little night scenes in one
 * palette. The pictures are ours, under the project's licence.
 *
 *   node dist/trainer/reference/make-images.js
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { assetPath } from './base.js';

const SIZE = 64;
const NIGHT = ['#0b1030', '#131a45', '#0a1838', '#1b1440'];
const GLOW = '#ffc857';
const MOON = '#f4f1de';
const GROUND = '#05070f';
const WALL = '#1d2350';

interface Scene {
  readonly file: string;
  readonly caption: string;
  readonly body: string;
}

const scenes: Scene[] = [
  { file: 'lantern', caption: 'a street lantern', body: moon(13, 12, 6) + lantern(38, 52) },
  { file: 'two-lanterns', caption: 'two lanterns', body: lantern(18, 54) + lantern(46, 54) },
  { file: 'moon-over-hill', caption: 'a full moon over a hill', body: moon(32, 20, 11) + hill(40) },
  {
    file: 'crescent',
    caption: 'a crescent moon and a house',
    body: crescent(46, 16, 9) + house(22, 50),
  },
  { file: 'lighthouse', caption: 'a lighthouse by the sea', body: sea(48) + lighthouse(20, 50, 1) },
  {
    file: 'lighthouse-moon',
    caption: 'a lighthouse and a moon',
    body: moon(57, 9, 5) + sea(50) + lighthouse(42, 52, -1),
  },
  { file: 'house', caption: 'a house with lit windows', body: moon(52, 12, 5) + house(30, 52) },
  { file: 'village', caption: 'a village', body: house(16, 52) + house(46, 54) + moon(32, 11, 6) },
  {
    file: 'moon-on-sea',
    caption: 'a moon over the sea',
    body: moon(34, 18, 9) + sea(40) + glitter(34, 40),
  },
  {
    file: 'boat',
    caption: 'a boat with a lamp',
    body: crescent(14, 14, 8) + sea(46) + boat(36, 47),
  },
  {
    file: 'camp',
    caption: 'a tent with a light inside',
    body: hill(46) + tent(34, 52) + moon(10, 12, 5),
  },
  { file: 'tower', caption: 'a tower with a lit window', body: moon(50, 16, 8) + tower(24, 54) },
];

mkdirSync(assetPath('images'), { recursive: true });
for (const [index, { file, caption, body }] of scenes.entries()) {
  const stem = assetPath('images', `${String(index + 1).padStart(2, '0')}-${file}`);
  const png = await sharp(Buffer.from(picture(index, body)))
    .png({ palette: true })
    .toBuffer();
  writeFileSync(`${stem}.png`, png);
  writeFileSync(
    `${stem}.txt`,
    `nightlight style, ${caption} at night, deep blue sky, warm light\n`,
  );
}

function picture(index: number, body: string): string {
  const sky = NIGHT[index % NIGHT.length]!;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE}" height="${SIZE}" viewBox="0 0 64 64">
<defs>
<linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${sky}"/><stop offset="1" stop-color="#2b2f77"/></linearGradient>
<radialGradient id="glow"><stop offset="0" stop-color="${GLOW}" stop-opacity="0.85"/><stop offset="1" stop-color="${GLOW}" stop-opacity="0"/></radialGradient>
<radialGradient id="halo"><stop offset="0.4" stop-color="${MOON}" stop-opacity="0.5"/><stop offset="1" stop-color="${MOON}" stop-opacity="0"/></radialGradient>
</defs>
<rect width="64" height="64" fill="url(#sky)"/>
<rect y="52" width="64" height="12" fill="${GROUND}"/>
${body}</svg>`;
}

function moon(x: number, y: number, r: number): string {
  return `${circle(x, y, r * 1.9, 'url(#halo)')}${circle(x, y, r, MOON)}`;
}

function crescent(x: number, y: number, r: number): string {
  return `${circle(x, y, r, MOON)}${circle(x + r * 0.5, y - r * 0.25, r * 0.9, '#141a48')}`;
}

function lantern(x: number, foot: number): string {
  const top = foot - 30;
  return `${circle(x, top, 17, 'url(#glow)')}${rect(x - 1.5, top, 3, foot - top, '#02030a')}${rect(x - 4, top - 5, 8, 10, GLOW)}${rect(x - 5, top - 8, 10, 3, '#02030a')}`;
}

function house(x: number, foot: number): string {
  const panes = [-8, 3].map((dx) => rect(x + dx, foot - 13, 5, 6, GLOW)).join('');
  return `${circle(x, foot - 10, 18, 'url(#glow)')}${rect(x - 12, foot - 18, 24, 18, WALL)}<path d="M${x - 15} ${foot - 18} L${x} ${foot - 30} L${x + 15} ${foot - 18}Z" fill="#02030a"/>${panes}`;
}

function lighthouse(x: number, foot: number, side: 1 | -1): string {
  const top = foot - 36;
  const beam = `<path d="M${x} ${top + 2} L${x + side * 60} ${top - 10} L${x + side * 60} ${top + 16}Z" fill="${GLOW}" opacity="0.55"/>`;
  return `${beam}<path d="M${x - 7} ${foot} L${x - 4} ${top} L${x + 4} ${top} L${x + 7} ${foot}Z" fill="#c9cbe8"/>${rect(x - 6, top + 12, 12, 6, '#a33b4a')}${circle(x, top, 5, GLOW)}${rect(x - 5, top - 8, 10, 3, '#02030a')}`;
}

function tower(x: number, foot: number): string {
  return `${rect(x - 8, foot - 38, 16, 38, WALL)}${rect(x - 10, foot - 42, 20, 5, '#02030a')}${circle(x, foot - 28, 12, 'url(#glow)')}${rect(x - 3, foot - 33, 6, 9, GLOW)}`;
}

function boat(x: number, water: number): string {
  return `${circle(x + 4, water - 14, 11, 'url(#glow)')}<path d="M${x - 16} ${water - 3} L${x + 16} ${water - 3} L${x + 10} ${water + 5} L${x - 10} ${water + 5}Z" fill="#7b3f3a"/>${rect(x - 1, water - 24, 2, 22, '#02030a')}${circle(x + 4, water - 14, 3.5, GLOW)}`;
}

function tent(x: number, foot: number): string {
  return `${circle(x, foot - 6, 20, 'url(#glow)')}<path d="M${x - 17} ${foot} L${x} ${foot - 22} L${x + 17} ${foot}Z" fill="#b5622f"/><path d="M${x - 6} ${foot} L${x} ${foot - 14} L${x + 6} ${foot}Z" fill="${GLOW}"/>`;
}

function hill(level: number): string {
  return `<path d="M0 ${level + 8} Q32 ${level - 12} 64 ${level + 8} V64 H0Z" fill="${GROUND}"/>`;
}

function sea(level: number): string {
  return `${rect(0, level, 64, 64 - level, '#0d1c4a')}${rect(0, level, 64, 1.5, '#3a4aa0')}`;
}

function glitter(x: number, level: number): string {
  return [3, 7, 11, 15].map((dy, k) => rect(x - 9 + k, level + dy, 18 - 2 * k, 2, MOON)).join('');
}

function circle(x: number, y: number, r: number, fill: string): string {
  return `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/>`;
}

function rect(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}"/>`;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import {
  describeConfig,
  loadConfig,
  loadJobFile,
  packageRoot,
  renderExample,
} from '../../config/index.js';
import { TestHome } from './home.js';

const root = packageRoot();

test('config/nightwarden.example.yaml is what the schema renders', () => {
  const file = readFileSync(join(root, 'config/nightwarden.example.yaml'), 'utf8');
  expect(file).toBe(renderExample());
});

test('as it stands, and with every key uncommented, it gives the defaults', () => {
  const home = new TestHome();
  try {
    const load = () => loadConfig({ home: home.path, env: {} });
    const defaults = load();
    home.config(renderExample());
    expect(load()).toEqual(defaults);
    const uncommented = renderExample().replace(/^# ?/gm, '');
    for (const { path, type } of describeConfig()) {
      if (type === 'secret') continue;
      expect(uncommented).toMatch(new RegExp(`^ *${path.split('.').at(-1)}: \\S`, 'm'));
    }
    home.config(uncommented);
    expect(load()).toEqual(defaults);
  } finally {
    home.remove();
  }
});

test('every key has a type, a default and one line that says what it does', () => {
  for (const row of describeConfig()) {
    expect(row.type).not.toBe('');
    expect(row.default).not.toBeNull();
    expect(row.doc).toMatch(/^[A-Z].*\.$/);
  }
  expect(describeConfig()).toContainEqual({
    path: 'log.max_bytes',
    type: 'size',
    default: '10MiB',
    doc: expect.any(String),
  });
});

test('the example job is a valid job', () => {
  const job = loadJobFile({ path: 'example-command', home: root, env: {} });
  expect(job.source).toBe('config/jobs/example-command.yaml');
  expect(job.name).toBe('example-command');
  expect(job.command).toContain('500');
  expect(job.done).toEqual({ step: 500, artefact: 'out/final.safetensors' });
});

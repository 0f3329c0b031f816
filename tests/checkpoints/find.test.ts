import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { escapeGlob, findCheckpoints } from '../../trainer/checkpoints/index.js';
import { temporary } from './helpers.js';

async function folders(root: string, ...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(join(root, name), { recursive: true });
    await writeFile(join(root, name, 'data.bin'), 'x');
  }
}

describe('finding checkpoints', () => {
  test('folders and files, highest step first, absolute paths', async () => {
    const cwd = await temporary();
    await folders(cwd, 'out/step-9', 'out/step-10', 'out/other-11');
    await writeFile(join(cwd, 'out/step-100'), 'x');
    const found = await findCheckpoints({ glob: 'out/step-*', step: 'step-(\\d+)' }, cwd);
    expect(found.map((f) => [f.path, f.step, f.kind])).toEqual([
      [join(cwd, 'out/step-100'), 100, 'file'],
      [join(cwd, 'out/step-10'), 10, 'folder'],
      [join(cwd, 'out/step-9'), 9, 'folder'],
    ]);
  });

  test('of the same step the one written later comes first', async () => {
    const cwd = await temporary();
    await folders(cwd, 'a-step-5', 'b-step-5', 'c-step-5');
    await utimes(join(cwd, 'a-step-5'), 1000, 1000);
    await utimes(join(cwd, 'b-step-5'), 3000, 3000);
    await utimes(join(cwd, 'c-step-5'), 2000, 2000);
    const found = await findCheckpoints({ glob: '*-step-5', step: 'step-(\\d+)' }, cwd);
    expect(found.map((f) => f.path)).toEqual(['b', 'c', 'a'].map((n) => join(cwd, `${n}-step-5`)));
  });

  test('an absolute glob, from an unrelated working folder', async () => {
    const [cwd, out] = [await temporary(), await temporary()];
    await folders(out, 'run/checkpoint-7');
    const glob = `${out}/run/checkpoint-*`;
    const found = await findCheckpoints({ glob, step: 'checkpoint-(\\d+)' }, cwd);
    expect(found.map((f) => f.path)).toEqual([join(out, 'run/checkpoint-7')]);
  });

  test.each(['run [v2] {a,b}', 'a(b)!c', 'what?*', 'plus+@(x)'])(
    'special characters in the working folder: %s',
    async (name) => {
      const cwd = join(await temporary(), name);
      await folders(cwd, 'out/step-3');
      const spec = { glob: 'out/step-*', step: 'step-(\\d+)' };
      expect(await findCheckpoints(spec, cwd)).toHaveLength(1);
      const absolute = { ...spec, glob: `${escapeGlob(cwd)}/out/step-*` };
      expect(await findCheckpoints(absolute, '/')).toHaveLength(1);
    },
  );

  test('a glob that goes up, one with **, and one without any wildcard', async () => {
    const root = await temporary();
    await folders(root, 'work', 'out/deep/er/step-3', 'out/step-4');
    const step = 'step-(\\d+)';
    const paths = async (glob: string) =>
      (await findCheckpoints({ glob, step }, join(root, 'work'))).map((f) => f.step);
    expect(await paths('../out/step-*')).toEqual([4]);
    expect(await paths('../out/**/step-*')).toEqual([4, 3]);
    expect(await paths('../out/step-4/')).toEqual([4]);
  });

  test('a folder that does not exist yet, or that is a file, has none', async () => {
    const cwd = await temporary();
    await writeFile(join(cwd, 'file'), 'x');
    const step = '(\\d+)';
    expect(await findCheckpoints({ glob: 'no/such/step-*', step }, cwd)).toEqual([]);
    expect(await findCheckpoints({ glob: 'file/step-*', step }, cwd)).toEqual([]);
    expect(await findCheckpoints({ glob: 'step-*', step }, join(cwd, 'gone'))).toEqual([]);
  });

  test('litter of killed writers and our own quarantine are passed over', async () => {
    const cwd = await temporary();
    await folders(cwd, 'step-1', 'step-2.partial', 'step-3.tmp', 'step-4.tmp-77', '.tmpstep-5');
    await folders(cwd, '.nightwarden-quarantine/step-6');
    const spec = { step: 'step-(\\d+)' };
    const steps = async (glob: string) =>
      (await findCheckpoints({ ...spec, glob }, cwd)).map((f) => f.step);
    expect(await steps('{.*,*}step-*')).toEqual([1]);
    expect(await steps('**/{,.tmp}step-*')).toEqual([1]);
    expect(await steps('.nightwarden-quarantine/step-*')).toEqual([6]);
  });

  test('epochs become steps; the last match in the path counts', async () => {
    const cwd = await temporary();
    await folders(cwd, 'run-000099-state/lora-000002-state');
    const glob = '*/lora-*-state';
    const find = async (step: string, steps_per_epoch?: number) => {
      const spec = steps_per_epoch ? { glob, step, steps_per_epoch } : { glob, step };
      return (await findCheckpoints(spec, cwd)).map((f) => f.step);
    };
    expect(await find('-(?<epoch>\\d{6})-state', 8)).toEqual([16]);
    expect(await find('-(?<epoch>\\d{6})-state')).toEqual([2]);
    expect(await find('-(?<step>\\d{6})-state', 8)).toEqual([2]);
    expect(await find('(lora)-')).toEqual([]);
  });

  test('a link to nothing is found, so that it can be refused by name', async () => {
    const cwd = await temporary();
    await folders(cwd, 'real-1');
    await symlink(join(cwd, 'nowhere'), join(cwd, 'step-2'));
    await symlink(join(cwd, 'real-1'), join(cwd, 'step-1'));
    const found = await findCheckpoints({ glob: 'step-*', step: 'step-(\\d+)' }, cwd);
    expect(found.map((f) => [f.path, f.kind])).toEqual([
      [join(cwd, 'step-2'), 'file'],
      [join(cwd, 'step-1'), 'folder'],
    ]);
  });

  test('linked folders are entered, a link in a circle is not followed for ever', async () => {
    const [cwd, volume] = [await temporary(), await temporary()];
    await folders(volume, 'run/step-1');
    await symlink(volume, join(cwd, 'out'));
    await symlink(join(volume, 'run'), join(volume, 'again'));
    await symlink(volume, join(volume, 'run/up'));
    const paths = async (glob: string) =>
      (await findCheckpoints({ glob, step: 'step-(\\d+)' }, cwd)).map((f) => f.path);
    expect(await paths('out/*/step-*')).toEqual([
      join(cwd, 'out/run/step-1'),
      join(cwd, 'out/again/step-1'),
    ]);
    expect(await paths('out/**/step-*')).toEqual([join(cwd, 'out/run/step-1')]);
  });

  test.each(['step-(', 'step-\\d+'])('a step that is no use is refused: %s', async (step) => {
    await expect(findCheckpoints({ glob: 'x', step }, '/')).rejects.toThrow(
      /checkpoints\.step: expected a regular expression with a group/,
    );
  });
});

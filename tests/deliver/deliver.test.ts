import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type DeliverSpec, deliver, findLoraFolders } from '../../daemon/tasks/deliver/index.js';
import { lora } from './lora.js';

let root: string;
let warnings: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nightwarden-deliver-'));
  warnings = [];
  write('out/pytorch_lora_weights.safetensors', lora(1));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const at = (...parts: string[]): string => join(root, ...parts);

function write(name: string, content: string | Buffer): string {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), content);
  return at(name);
}

function run(spec: Partial<DeliverSpec>, artefact = 'out', signal = new AbortController().signal) {
  return deliver(
    { to: [], by: 'copy', ...spec },
    {
      job: 'my-lora',
      artefact: at(artefact),
      env: { HOME: root },
      bases: [],
      signal,
      warn: (message) => void warnings.push(message),
    },
  );
}

describe('into folders that are named', () => {
  test("a generic file goes under its job's name; a second time nothing is done", async () => {
    mkdirSync(at('loras'));
    const target = at('loras/my-lora.safetensors');
    expect(await run({ to: [at('loras')] })).toEqual({ is: 'done', places: [target] });
    expect(readFileSync(target)).toEqual(lora(1));
    const { ino, mtimeMs } = statSync(target);
    expect(await run({ to: [at('loras')] })).toEqual({ is: 'done', places: [target] });
    expect(statSync(target)).toMatchObject({ ino, mtimeMs });
    expect(readdirSync(at('loras'))).toEqual(['my-lora.safetensors']);
  });

  test('by link: a second name for the same bytes', async () => {
    mkdirSync(at('loras'));
    await run({ to: [at('loras')], by: 'link' });
    const own = statSync(at('out/pytorch_lora_weights.safetensors'));
    expect(statSync(at('loras/my-lora.safetensors')).ino).toBe(own.ino);
    expect(await run({ to: [at('loras')], by: 'link' })).toMatchObject({ is: 'done' });
  });

  test.each(['copy', 'link'] as const)(
    'by %s: never over another file of that name',
    async (by) => {
      const target = write('loras/my-lora.safetensors', lora(2));
      const outcome = await run({ to: [at('loras')], by });
      expect(outcome).toMatchObject({
        is: 'failed',
        permanent: true,
        reason: `${target} is another file and is left as it is`,
      });
      expect(readFileSync(target)).toEqual(lora(2));
      expect(readdirSync(at('loras'))).toEqual(['my-lora.safetensors']);
    },
  );

  test('nor over a link to nothing', async () => {
    mkdirSync(at('loras'));
    symlinkSync(at('gone'), at('loras/my-lora.safetensors'));
    expect(await run({ to: [at('loras')] })).toMatchObject({ is: 'failed' });
    expect(existsSync(at('gone'))).toBe(false);
  });

  test('what a killed daemon left half copied is not in the way', async () => {
    write('loras/.my-lora.safetensors.nightwarden.tmp', 'half');
    expect(await run({ to: [at('loras')] })).toMatchObject({ is: 'done' });
    expect(readdirSync(at('loras'))).toEqual(['my-lora.safetensors']);
  });

  test('the last part of a folder is made; a volume that is not there is waited for', async () => {
    mkdirSync(at('models'));
    expect(await run({ to: [at('models/loras')] })).toMatchObject({ is: 'done' });
    expect(await run({ to: [at('volume/models/loras')] })).toMatchObject({
      is: 'failed',
      permanent: false,
      reason: expect.stringContaining('there is no folder'),
    });
    expect(existsSync(at('volume'))).toBe(false);
  });

  test('one folder that refuses keeps it from no other, and both are told', async () => {
    write('file', '');
    mkdirSync(at('loras'));
    const outcome = await run({ to: [at('file'), at('loras')] });
    expect(outcome).toMatchObject({ is: 'failed', permanent: true });
    expect(JSON.stringify(outcome)).toContain(at('loras/my-lora.safetensors'));
    expect(existsSync(at('loras/my-lora.safetensors'))).toBe(true);
  });

  test('a torn LoRA is not delivered', async () => {
    write('out/my-lora.safetensors', lora(1).subarray(0, 90));
    mkdirSync(at('loras'));
    expect(await run({ to: [at('loras')] })).toMatchObject({
      is: 'failed',
      permanent: true,
      reason: expect.stringContaining('is not whole'),
    });
    expect(readdirSync(at('loras'))).toEqual([]);
  });

  test('of several files in a folder none is guessed', async () => {
    write('many/a.safetensors', lora(1));
    write('many/b.safetensors', lora(1));
    expect(await run({ to: [at('loras')] }, 'many')).toMatchObject({
      is: 'failed',
      permanent: true,
      reason: expect.stringContaining('a.safetensors, b.safetensors'),
      remedy: expect.stringContaining('done.artefact'),
    });
    expect(await run({ to: [at('loras')] }, 'nowhere')).toMatchObject({
      is: 'failed',
      permanent: false,
    });
  });

  test('broken off, it says nothing of an outcome', async () => {
    mkdirSync(at('loras'));
    const broken = AbortSignal.abort(new Error('the daemon ends'));
    await expect(run({ to: [at('loras')] }, 'out', broken)).rejects.toThrow('the daemon ends');
    expect(readdirSync(at('loras'))).toEqual([]);
  });

  const asRoot = process.getuid?.() === 0;
  (asRoot ? test.skip : test)('a folder that may not be written is told as such', async () => {
    mkdirSync(at('loras'));
    chmodSync(at('loras'), 0o555);
    expect(await run({ to: [at('loras')] })).toMatchObject({ is: 'failed', permanent: true });
  });
});

describe('into the tools that are found', () => {
  const find = () =>
    findLoraFolders({ HOME: root, BASE: root }, (message) => void warnings.push(message), []);
  const comfy = () => write('ComfyUI/folder_paths.py', '');

  test('ComfyUI and Forge under the home, each once whatever links lead there', async () => {
    comfy();
    mkdirSync(at('ComfyUI/models/loras'), { recursive: true });
    symlinkSync(at('ComfyUI'), at('comfyui'));
    write('stable-diffusion-webui-forge/webui.py', '');
    mkdirSync(at('stable-diffusion-webui-forge/models'));
    expect((await find()).folders).toEqual([
      at('ComfyUI/models/loras'),
      at('stable-diffusion-webui-forge/models/Lora'),
    ]);
    expect(await run({ to: ['auto'] })).toEqual({
      is: 'done',
      places: [
        at('ComfyUI/models/loras/my-lora.safetensors'),
        at('stable-diffusion-webui-forge/models/Lora/my-lora.safetensors'),
      ],
    });
  });

  test('a folder that merely bears the name is none', async () => {
    mkdirSync(at('ComfyUI/models/loras'), { recursive: true });
    mkdirSync(at('stable-diffusion-webui/models/Lora'), { recursive: true });
    expect((await find()).folders).toEqual([]);
    expect(await run({ to: ['auto'] })).toMatchObject({
      is: 'failed',
      permanent: true,
      remedy: expect.stringContaining('nightwarden deliver JOB FOLDER'),
    });
  });

  test('the default folder of extra_model_paths.yaml goes before its own', async () => {
    comfy();
    mkdirSync(at('ComfyUI/models/loras'), { recursive: true });
    mkdirSync(at('big/loras'), { recursive: true });
    write(
      'ComfyUI/extra_model_paths.yaml',
      'volume:\n  base_path: $BASE/big\n  is_default: true\n  loras: loras\n  vae: vae\n',
    );
    expect((await find()).folders).toEqual([at('big/loras')]);
  });

  test('others of that file stand in where it has none of its own', async () => {
    comfy();
    mkdirSync(at('a1111/models/LyCORIS'), { recursive: true });
    write(
      'ComfyUI/extra_model_paths.yaml',
      '# as shipped\na111:\n  base_path: ~/a1111/\n  loras: |\n    models/Lora\n    models/LyCORIS\nempty:\n',
    );
    expect((await find()).folders).toEqual([at('a1111/models/LyCORIS')]);
  });

  test('a relative base_path counts from the file', async () => {
    comfy();
    mkdirSync(at('shared/loras'), { recursive: true });
    write('ComfyUI/extra_model_paths.yaml', 'x:\n  base_path: ../shared\n  loras: [loras]\n');
    expect((await find()).folders).toEqual([at('shared/loras')]);
  });

  test('one that is not YAML is warned of, and the rest goes on', async () => {
    comfy();
    mkdirSync(at('ComfyUI/models/loras'), { recursive: true });
    write('ComfyUI/extra_model_paths.yaml', 'a: [b\n  c: "');
    expect((await find()).folders).toEqual([at('ComfyUI/models/loras')]);
    expect(warnings).toEqual([expect.stringContaining('extra_model_paths.yaml is not read')]);
  });

  test("A1111's own --lora-dir goes before models/Lora", async () => {
    write('stable-diffusion-webui/webui.py', '');
    mkdirSync(at('stable-diffusion-webui/models/Lora'), { recursive: true });
    mkdirSync(at('my loras'));
    const args = `#export COMMANDLINE_ARGS="--lora-dir /old"\nexport COMMANDLINE_ARGS="--xformers --lora-dir '${at('my loras')}'"\n`;
    write('stable-diffusion-webui/webui-user.sh', args);
    expect((await find()).folders).toEqual([at('my loras')]);
  });
});

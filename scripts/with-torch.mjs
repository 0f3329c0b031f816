// with-torch.mjs COMMAND...: runs a command with TORCH_PYTHON set to a Python that has
// PyTorch, in a virtual environment that is built once and kept under .cache/. Where there is no Python
// to build it with, it says so and succeeds. A Python of one's own may be named by the same variable.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const PACKAGES = ['torch==2.13.0', 'accelerate==1.15.0', 'peft==0.21.2', 'safetensors==0.8.0'];
/** For the night of a tiny Flux alone, which is left out where these cannot be had. */
const FLUX = ['diffusers==0.42.1', 'transformers==5.24.0'];

const python = process.env.TORCH_PYTHON ?? builtPython();
if (python === null) process.exit(0);
const [command, ...words] = process.argv.slice(2);
const env = { ...process.env, TORCH_PYTHON: python };
const { status } = spawnSync(command, words, { cwd: root, stdio: 'inherit', env });
process.exit(status ?? 1);

/** The environment's Python; null where none can be had. */
function builtPython() {
  const version = ask('import sys; assert sys.version_info >= (3, 10); print(sys.version)');
  if (version === null) {
    console.error('no python3 of 3.10 or newer with venv: what needs PyTorch is left out');
    return null;
  }
  const key = createHash('sha256')
    .update(version + [...PACKAGES, ...FLUX].join())
    .digest('hex')
    .slice(0, 12);
  const cache = join(root, '.cache/python');
  const venv = join(cache, key);
  const built = join(venv, 'bin/python');
  if (existsSync(built)) return built;
  mkdirSync(cache, { recursive: true });
  // Of other versions, and what was left half built: a gigabyte each.
  for (const name of readdirSync(cache)) rmSync(join(cache, name), { recursive: true });
  console.log(`building ${venv} (once, about a gigabyte): ${PACKAGES.join(' ')}`);
  const half = `${venv}.half`;
  execFileSync('python3', ['-m', 'venv', half], { stdio: 'inherit' });
  const pip = ['-m', 'pip', '--disable-pip-version-check', 'install', '-qq'];
  execFileSync(join(half, 'bin/python'), [...pip, ...PACKAGES], { stdio: 'inherit' });
  const { status } = spawnSync(join(half, 'bin/python'), [...pip, ...FLUX], { stdio: 'inherit' });
  if (status !== 0)
    console.error(`${FLUX.join(', ')} cannot be installed: what needs them is left out`);
  renameSync(half, venv);
  return built;
}

function ask(code) {
  const said = spawnSync('python3', ['-c', `import venv, ensurepip; ${code}`], {
    encoding: 'utf8',
  });
  return said.status === 0 ? said.stdout.trim() : null;
}

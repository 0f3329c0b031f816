import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Place } from '../program.js';
import { accelerateLaunch, torchPython, withTorch } from './torch-python.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

const python = torchPython ?? '';
const suite = withTorch('the shim in real PyTorch programs') ? describe : describe.skip;
const SLOW = 240_000;

/** A loop of 12 steps over a linear layer, `make` its optimizers. */
const loop = (make: string, each: string): string => `
from importlib.util import find_spec
assert find_spec("torch") and find_spec("torch")  # as transformers probes
import torch
model = torch.nn.Linear(4, 4)
${make}
for _ in range(12):
    model(torch.ones(4)).sum().backward()
    ${each.split('\n').join('\n    ')}
    model.zero_grad()
`;

/** torch has it since 2.5; transformers has its own, which is sd-scripts'. Absent, another steps. */
const ADAFACTOR =
  'a = getattr(torch.optim, "Adafactor", torch.optim.SGD)(model.parameters(), lr=0.1)';
const OF_TRANSFORMERS = `
try:
    from transformers.optimization import Adafactor
    a = Adafactor(model.parameters())
except ImportError:
    a = torch.optim.SGD(model.parameters(), lr=0.1)`;

const SCHEDULER = 's = torch.optim.lr_scheduler.LambdaLR(a, lambda _: 1.0)';

suite('steps are counted once each:', () => {
  const LOOPS: [string, string, string][] = [
    ['AdamW', 'a = torch.optim.AdamW(model.parameters())', 'a.step()'],
    ['Adafactor', ADAFACTOR, 'a.step()'],
    ['the Adafactor of transformers', OF_TRANSFORMERS, 'a.step()'],
    [
      'two optimizers and a scheduler',
      `a, b = torch.optim.AdamW([model.weight]), torch.optim.SGD([model.bias], lr=0.1)\n${SCHEDULER}`,
      'a.step()\nb.step()\ns.step()',
    ],
    [
      'under accelerate, which wraps all of them',
      `from accelerate import Accelerator\naccelerator = Accelerator(cpu=True)\na = torch.optim.AdamW(model.parameters())\n${SCHEDULER}\na, s, model = accelerator.prepare(a, s, model)`,
      'a.step()\ns.step()',
    ],
    [
      'a step that was replaced on the instance',
      `a = torch.optim.AdamW(model.parameters())\n${SCHEDULER}\na.step = lambda: None`,
      's.step()',
    ],
    [
      'accumulated gradients',
      'a = torch.optim.AdamW(model.parameters())\nn = 0',
      'for _ in range(3): model(torch.ones(4)).sum().backward()\na.step()',
    ],
  ];
  test.each(LOOPS)(
    '%s',
    async (_, make, each) => {
      const program = place.start(python, loop(make, each));
      expect({ status: await program.end(), said: program.errors }).toMatchObject({ status: 0 });
      expect(await place.beat(() => true)).toMatchObject({
        step: 12,
        pid: program.pid,
        phases: [],
      });
      expect(place.read('rank-0.json')).not.toContain('problem');
    },
    SLOW,
  );

  test(
    'and the loss comes from the bar, the phases from the calls',
    async () => {
      const make = `
import sys, threading
from tqdm import tqdm
from safetensors.torch import save_file
a = torch.optim.AdamW(model.parameters())
bar = tqdm(total=12)
loader = torch.utils.data.DataLoader(torch.ones(2, 4))
class Slow(dict):
    """Takes until it is told to go on to be saved, or loaded."""
    def __reduce__(self): return Slow, (print(self["say"], flush=True) or sys.stdin.readline(),)
    def __init__(self, *words): self["say"] = "saving"
open(${JSON.stringify(join(place.dir, 'lora'))}, "w")
next(iter(loader)); print("batch", flush=True); sys.stdin.readline()`;
      const each = 'a.step(); bar.update(); bar.set_postfix(avr_loss=0.125)';
      const save = `torch.save(Slow(), ${JSON.stringify(join(place.dir, 'slow.pt'))})`;
      const program = place.start(python, `${loop(make, each)}\n${save}\n`);
      const open = async (name: string) =>
        await place.beat(({ phases }) => phases?.map((phase) => phase.name).join() === name);
      await program.says('batch');
      expect((await open('first_step')).step).toBeNull();
      program.tell('');
      await program.says('saving');
      expect(await open('checkpoint')).toMatchObject({ step: 12, loss: 0.125 });
      program.tell('');
      expect({ status: await program.end(), said: program.errors }).toMatchObject({ status: 0 });
      expect(await open('')).toMatchObject({ step: 12 });
    },
    SLOW,
  );
});

suite('accelerate launch', () => {
  test(
    'beats for the trainer alone, not for itself nor for the workers of the data loader',
    async () => {
      const file = place.write(
        'train.py',
        `
import multiprocessing, os
import torch
from accelerate import Accelerator
class Data(torch.utils.data.Dataset):
    def __len__(self): return 4
    def __getitem__(self, i):
        torch.save(i, os.devnull)
        return torch.ones(4) * i
if __name__ == "__main__":
    print("trainer", os.getpid(), flush=True)
    accelerator = Accelerator(cpu=True)
    model = torch.nn.Linear(4, 4)
    optimizer = torch.optim.AdamW(model.parameters())
    for how in ("fork", "spawn"):
        loader = torch.utils.data.DataLoader(Data(), num_workers=2, multiprocessing_context=how)
        model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
        for batch in loader:
            model(batch).sum().backward()
            optimizer.step()
`,
      );
      const [program, ...words] = accelerateLaunch(file);
      const launched = place.start(program!, '', place.env(), words);
      const status = await launched.end();
      expect({ status, said: launched.errors }).toMatchObject({ status: 0 });
      const pid = Number((await launched.says('trainer')).split(' ')[1]);
      expect(await place.beat(() => true)).toMatchObject({ pid, step: 8, rank: 0 });
      const beaten = place.files.filter((name) => /^(rank|gil)/.test(name));
      expect(beaten).toEqual([`gil-${pid}.txt`, 'rank-0.json']);
    },
    SLOW,
  );
});

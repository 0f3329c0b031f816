"""A loop under `accelerate launch` with two workers of a data loader, which saves now and then."""

import os
import sys

import torch
from accelerate import Accelerator
from faults import after_step

STEPS = 100000


class Ones(torch.utils.data.Dataset):
    def __len__(self):
        return STEPS

    def __getitem__(self, index):
        return torch.ones(4) * (index % 7)


accelerator = Accelerator(cpu=True)
model = torch.nn.Linear(4, 4)
optimizer = torch.optim.AdamW(model.parameters())
loader = torch.utils.data.DataLoader(Ones(), num_workers=2)
model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
step = int(sys.argv[sys.argv.index("--from") + 1]) if "--from" in sys.argv else 0
os.makedirs("ckpt", exist_ok=True)
for batch in loader:
    accelerator.backward(model(batch).sum())
    optimizer.step()
    optimizer.zero_grad()
    step += 1
    if step % 5 == 0:
        torch.save(model.state_dict(), "ckpt/.half.pt")
        os.replace("ckpt/.half.pt", f"ckpt/step-{step}.pt")
    after_step(step)

"""A LoRA trainer with the layout, the flags and the lines of diffusers' train_dreambooth_lora_flux.py."""

import argparse
import logging
import math
import os

import torch
from accelerate import Accelerator
from faults import after_step
from pieces import Latents, network, only_lora, save_lora, trained
from tqdm.auto import tqdm

parser = argparse.ArgumentParser()
parser.add_argument("--output_dir", required=True)
parser.add_argument("--max_train_steps", type=int, default=24)
parser.add_argument("--images", type=int, default=8)
parser.add_argument("--checkpointing_steps", type=int, default=500)
parser.add_argument("--resume_from_checkpoint")
parser.add_argument("--dataloader_num_workers", type=int, default=0)
args = parser.parse_args()

logging.basicConfig(
    level=logging.INFO,
    format="%(asctime)s - %(levelname)s - %(name)s - [RANK 0] %(message)s",
    datefmt="%m/%d/%Y %H:%M:%S",
)
logger = logging.getLogger("__main__")
WEIGHTS = "pytorch_lora_weights.safetensors"

accelerator = Accelerator(cpu=True)
os.makedirs(args.output_dir, exist_ok=True)
model = network()
optimizer = torch.optim.AdamW(trained(model), lr=1e-2)
loader = torch.utils.data.DataLoader(Latents(args.images), num_workers=args.dataloader_num_workers)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)
only_lora(accelerator, WEIGHTS)

logger.info("***** Running training *****")
logger.info(f"  Num batches each epoch = {len(loader)}")
logger.info(f"  Total optimization steps = {args.max_train_steps}")

step = 0
if args.resume_from_checkpoint:
    # As there: only the last part of an explicit path counts.
    path = os.path.basename(args.resume_from_checkpoint)
    if path == "latest":
        saved = [name for name in os.listdir(args.output_dir) if name.startswith("checkpoint")]
        saved.sort(key=lambda name: int(name.split("-")[1]))
        path = saved[-1] if saved else None
    if path is not None:
        accelerator.print(f"Resuming from checkpoint {path}")
        accelerator.load_state(os.path.join(args.output_dir, path))
        step = int(path.split("-")[1])

bar = tqdm(range(args.max_train_steps), initial=step, desc="Steps")
first = step // len(loader)
for epoch in range(first, math.ceil(args.max_train_steps / len(loader))):
    skip = step % len(loader) if epoch == first else 0
    for latents, target in accelerator.skip_first_batches(loader, skip) if skip else loader:
        if step >= args.max_train_steps:
            break
        with accelerator.accumulate(model):
            loss = torch.nn.functional.mse_loss(model(latents), target)
            accelerator.backward(loss)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
        step += 1
        bar.update(1)
        if step % args.checkpointing_steps == 0:
            path = os.path.join(args.output_dir, f"checkpoint-{step}")
            accelerator.save_state(path)
            logger.info(f"Saved state to {path}")
        bar.set_postfix(loss=loss.detach().item(), lr=scheduler.get_last_lr()[0])
        after_step(step)

save_lora(accelerator.unwrap_model(model), os.path.join(args.output_dir, WEIGHTS))
logger.info(f"Model weights saved in {os.path.join(args.output_dir, WEIGHTS)}")
accelerator.end_training()

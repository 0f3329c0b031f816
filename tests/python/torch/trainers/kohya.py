"""A LoRA trainer with the layout and the lines of sd-scripts' train_network.py: state folders by
accelerate, train_state.json in the save's pre-hook, a bar that counts from 0 after a resume."""

import argparse
import json
import logging
import math
import os

import torch
from accelerate import Accelerator
from faults import after_step
from pieces import Latents, network, only_lora, save_lora, trained
from tqdm import tqdm

parser = argparse.ArgumentParser()
parser.add_argument("--output_dir", required=True)
parser.add_argument("--output_name", default="my-lora")
parser.add_argument("--max_train_epochs", type=int, default=3)
parser.add_argument("--images", type=int, default=8)
parser.add_argument("--save_every_n_epochs", type=int)
parser.add_argument("--save_every_n_steps", type=int)
parser.add_argument("--save_state", action="store_true")
parser.add_argument("--resume")
parser.add_argument("--initial_epoch", type=int)
parser.add_argument("--initial_step", type=int)
parser.add_argument("--skip_until_initial_step", action="store_true")
parser.add_argument("--max_data_loader_n_workers", type=int, default=0)
args = parser.parse_args()

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s     %(message)s")
logger = logging.getLogger("kohya")
os.makedirs(args.output_dir, exist_ok=True)

accelerator = Accelerator(cpu=True)
model = network()
optimizer = torch.optim.AdamW(trained(model), lr=1e-2)
loader = torch.utils.data.DataLoader(Latents(args.images), num_workers=args.max_data_loader_n_workers)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)
only_lora(accelerator, "model.safetensors")

batches = math.ceil(args.images / 1)
total = args.max_train_epochs * batches
done = {"epoch": 0, "step": 0}
# As in sd-scripts: written first, so that it proves nothing.
accelerator.register_save_state_pre_hook(
    lambda _models, _weights, folder: json.dump(
        {"current_epoch": done["epoch"], "current_step": done["step"]},
        open(os.path.join(folder, "train_state.json"), "w"),
    )
)


def save_state(stem):
    accelerator.save_state(os.path.join(args.output_dir, stem + "-state"))


def save_model(stem):
    path = os.path.join(args.output_dir, stem + ".safetensors")
    accelerator.print(f"\nsaving checkpoint: {path}")
    save_lora(accelerator.unwrap_model(model), path)


start = 0
if args.initial_epoch is not None:
    start = (args.initial_epoch - 1) * batches
elif args.initial_step is not None:
    start = args.initial_step
if start >= total:
    raise AssertionError("max_train_steps should be greater than initial step")
if args.resume:
    logger.info(f"resume training from local state: {args.resume}")
    accelerator.load_state(args.resume)

accelerator.print("running training / 学習開始")
accelerator.print(f"  num batches per epoch / 1epochのバッチ数: {batches}")
accelerator.print(f"  num epochs / epoch数: {args.max_train_epochs}")
accelerator.print(f"  total optimization steps / 学習ステップ数: {total}")

bar = tqdm(range(total - start), smoothing=0, desc="steps")
step, losses = start, []
for epoch in range(start // batches, args.max_train_epochs):
    accelerator.print(f"\nepoch {epoch + 1}/{args.max_train_epochs}\n")
    done["epoch"] = epoch + 1
    skip = start % batches if epoch == start // batches and args.skip_until_initial_step else 0
    for latents, target in accelerator.skip_first_batches(loader, skip) if skip else loader:
        with accelerator.accumulate(model):
            loss = torch.nn.functional.mse_loss(model(latents), target)
            accelerator.backward(loss)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        done["step"] = step
        losses.append(loss.detach().item())
        bar.update(1)
        bar.set_postfix(avr_loss=sum(losses) / len(losses))
        if args.save_every_n_steps and step % args.save_every_n_steps == 0 and step < total:
            save_model(f"{args.output_name}-step{step:08d}")
            if args.save_state:
                logger.info(f"saving state at step {step}")
                save_state(f"{args.output_name}-step{step:08d}")
        after_step(step)
    if args.save_every_n_epochs and (epoch + 1) % args.save_every_n_epochs == 0 and step < total:
        save_model(f"{args.output_name}-{epoch + 1:06d}")
        if args.save_state:
            logger.info(f"saving state at epoch {epoch + 1}")
            save_state(f"{args.output_name}-{epoch + 1:06d}")

if args.save_state:
    logger.info("saving last state.")
    save_state(args.output_name)
save_model(args.output_name)
logger.info("model saved.")
accelerator.end_training()

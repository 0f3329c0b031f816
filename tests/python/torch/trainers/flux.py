"""A LoRA trainer of Flux out of diffusers' own pieces, with the flags, the order of saving and the lines
of its train_dreambooth_lora_flux.py, which no package brings."""

import argparse
import logging
import math
import os
import shutil

import numpy
import torch
from accelerate import Accelerator
from accelerate.logging import get_logger
from accelerate.utils import set_seed
from diffusers import FluxPipeline
from diffusers.optimization import get_scheduler
from diffusers.training_utils import compute_density_for_timestep_sampling
from diffusers.utils import convert_unet_state_dict_to_peft
from faults import after_step
from peft import LoraConfig, set_peft_model_state_dict
from peft.utils import get_peft_model_state_dict
from PIL import Image
from tqdm.auto import tqdm

parser = argparse.ArgumentParser()
parser.add_argument("--pretrained_model_name_or_path", required=True)
parser.add_argument("--instance_data_dir", required=True)
parser.add_argument("--instance_prompt", default="p3rson")
parser.add_argument("--output_dir", required=True)
parser.add_argument("--max_train_steps", type=int, required=True)
parser.add_argument("--checkpointing_steps", type=int, default=500)
parser.add_argument("--checkpoints_total_limit", type=int)
parser.add_argument("--resume_from_checkpoint")
parser.add_argument("--dataloader_num_workers", type=int, default=0)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

accelerator = Accelerator()
logging.basicConfig(
    level=logging.INFO,
    format="%(asctime)s - %(levelname)s - %(name)s - %(message)s",
    datefmt="%m/%d/%Y %H:%M:%S",
)
logger = get_logger("__main__")
set_seed(args.seed)
os.makedirs(args.output_dir, exist_ok=True)


class Images(torch.utils.data.Dataset):
    def __init__(self, folder):
        self.paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        pixels = numpy.asarray(Image.open(self.paths[index]).convert("RGB"), dtype=numpy.float32)
        return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)


pipeline = FluxPipeline.from_pretrained(args.pretrained_model_name_or_path)
transformer, vae, noises = pipeline.transformer, pipeline.vae, pipeline.scheduler
for model in (transformer, vae, pipeline.text_encoder, pipeline.text_encoder_2):
    model.requires_grad_(False)
targets = ["to_k", "to_q", "to_v", "to_out.0"]
transformer.add_adapter(LoraConfig(r=2, lora_alpha=2, init_lora_weights="gaussian", target_modules=targets))


def save_lora(folder, model):
    FluxPipeline.save_lora_weights(folder, transformer_lora_layers=get_peft_model_state_dict(model))


def save_hook(models, weights, folder):
    save_lora(folder, models[0])
    weights.pop()


def load_hook(models, folder):
    saved = FluxPipeline.lora_state_dict(folder)
    own = {key.replace("transformer.", ""): value for key, value in saved.items()}
    set_peft_model_state_dict(models.pop(), convert_unet_state_dict_to_peft(own))


accelerator.register_save_state_pre_hook(save_hook)
accelerator.register_load_state_pre_hook(load_hook)

optimizer = torch.optim.AdamW([p for p in transformer.parameters() if p.requires_grad], lr=1e-2)
loader = torch.utils.data.DataLoader(
    Images(args.instance_data_dir), shuffle=True, num_workers=args.dataloader_num_workers
)
with torch.no_grad():
    prompt, pooled, text_ids = pipeline.encode_prompt(
        args.instance_prompt, args.instance_prompt, max_sequence_length=16
    )
    cached = [vae.encode(pixels).latent_dist for pixels in tqdm(loader, desc="Caching latents")]
scheduler = get_scheduler("constant", optimizer=optimizer, num_training_steps=args.max_train_steps)
transformer, optimizer, loader, scheduler = accelerator.prepare(transformer, optimizer, loader, scheduler)

logger.info("***** Running training *****")
logger.info(f"  Num batches each epoch = {len(loader)}")
logger.info(f"  Total optimization steps = {args.max_train_steps}")


def checkpoints():
    names = [name for name in os.listdir(args.output_dir) if name.startswith("checkpoint")]
    # As there: any other name of this beginning ends the run.
    return sorted(names, key=lambda name: int(name.split("-")[1]))


def save_state(step):
    """As there, the oldest goes before the newest is written."""
    too_many = len(checkpoints()) + 1 - (args.checkpoints_total_limit or math.inf)
    if too_many > 0:
        gone = checkpoints()[: int(too_many)]
        logger.info(f"removing checkpoints: {', '.join(gone)}")
        for name in gone:
            shutil.rmtree(os.path.join(args.output_dir, name))
    path = os.path.join(args.output_dir, f"checkpoint-{step}")
    accelerator.save_state(path)
    logger.info(f"Saved state to {path}")


def loss_of(latents):
    latents = (latents - vae.config.shift_factor) * vae.config.scaling_factor
    batch, channels, height, width = latents.shape
    noise = torch.randn_like(latents)
    density = compute_density_for_timestep_sampling("none", batch, logit_mean=0.0, logit_std=1.0)
    at = (density * noises.config.num_train_timesteps).long()
    sigma = noises.sigmas[at].view(-1, 1, 1, 1)
    noisy = FluxPipeline._pack_latents((1 - sigma) * latents + sigma * noise, batch, channels, height, width)
    said = transformer(
        hidden_states=noisy,
        timestep=noises.timesteps[at] / 1000,
        pooled_projections=pooled,
        encoder_hidden_states=prompt,
        txt_ids=text_ids,
        img_ids=FluxPipeline._prepare_latent_image_ids(batch, height // 2, width // 2, "cpu", noisy.dtype),
        return_dict=False,
    )[0]
    target = FluxPipeline._pack_latents(noise - latents, batch, channels, height, width)
    return torch.nn.functional.mse_loss(said, target)


step = 0
if args.resume_from_checkpoint:
    # As there: only the last part of an explicit path counts.
    path = os.path.basename(args.resume_from_checkpoint)
    if path == "latest":
        path = checkpoints()[-1] if checkpoints() else None
    if path is not None:
        accelerator.print(f"Resuming from checkpoint {path}")
        accelerator.load_state(os.path.join(args.output_dir, path))
        step = int(path.split("-")[1])

bar = tqdm(range(args.max_train_steps), initial=step, desc="Steps")
for epoch in range(step // len(loader), math.ceil(args.max_train_steps / len(loader))):
    for number, _ in enumerate(loader):
        with accelerator.accumulate(transformer):
            loss = loss_of(cached[number].sample())
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(transformer.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
        bar.update(1)
        step += 1
        if step % args.checkpointing_steps == 0:
            save_state(step)
        bar.set_postfix(loss=loss.detach().item(), lr=scheduler.get_last_lr()[0])
        after_step(step)
        if step >= args.max_train_steps:
            break

save_lora(args.output_dir, accelerator.unwrap_model(transformer))
accelerator.end_training()

"""What both trainers share: a tiny network with a LoRA in it, and its data."""

import os

import torch
from faults import claim, wait_for_ever_in_worker
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file


class Latents(torch.utils.data.Dataset):
    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if torch.utils.data.get_worker_info() is not None and claim("worker-now"):
            wait_for_ever_in_worker()
        generator = torch.Generator().manual_seed(index)
        return torch.randn(8, generator=generator), torch.randn(8, generator=generator)


class Denoiser(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.to_q = torch.nn.Linear(8, 16)
        self.to_out = torch.nn.Linear(16, 8)

    def forward(self, x):
        return self.to_out(torch.relu(self.to_q(x)))


def network():
    torch.manual_seed(0)
    return get_peft_model(Denoiser(), LoraConfig(r=2, target_modules=["to_q", "to_out"]))


def trained(model):
    return [p for p in model.parameters() if p.requires_grad]


def only_lora(accelerator, name):
    """accelerate saves and loads the LoRA alone, under this name, as the real trainers have it."""

    def save(models, weights, folder):
        save_file(get_peft_model_state_dict(models[0]), os.path.join(folder, name))
        weights.clear()

    def load(models, folder):
        set_peft_model_state_dict(models.pop(), load_file(os.path.join(folder, name)))

    accelerator.register_save_state_pre_hook(save)
    accelerator.register_load_state_pre_hook(load)


def save_lora(model, path):
    save_file(get_peft_model_state_dict(model), path)

"""A Flux pipeline of random weights, some hundred kilobytes in whole, with every piece that the real one
has; four images to train it on; and what a LoRA does to its pictures.

tiny_flux.py make FOLDER IMAGES
tiny_flux.py draw FOLDER LORA
"""

import os
import sys

import numpy
import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
)
from PIL import Image
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

SIZE = 16
LETTERS = [chr(code) for code in range(33, 127)]


def clip():
    """A vocabulary of single letters, in mid-word and at its end, and no merges."""
    ends = ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = LETTERS + [letter + "</w>" for letter in LETTERS] + ends
    numbers = {word: number for number, word in enumerate(vocabulary)}
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        bos_token_id=numbers[ends[0]],
        eos_token_id=numbers[ends[1]],
        pad_token_id=numbers[ends[1]],
    )
    return CLIPTextModel(config), CLIPTokenizer(vocab=numbers, merges=[], model_max_length=77)


def t5():
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -1.0)]
    pieces += [(letter, -2.0) for letter in LETTERS]
    config = T5Config(vocab_size=len(pieces), d_model=32, d_kv=16, d_ff=32, num_layers=1, num_heads=2)
    return T5EncoderModel(config), T5TokenizerFast(vocab=pieces, extra_ids=0)


def make(folder, images):
    torch.manual_seed(0)
    vae = AutoencoderKL(
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=1,
        norm_num_groups=2,
        shift_factor=0.1159,
        scaling_factor=0.3611,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
    transformer = FluxTransformer2DModel(
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 4, 8),
    )
    (encoder, tokenizer), (encoder_2, tokenizer_2) = clip(), t5()
    FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae,
        text_encoder=encoder,
        tokenizer=tokenizer,
        text_encoder_2=encoder_2,
        tokenizer_2=tokenizer_2,
        transformer=transformer,
    ).save_pretrained(folder)
    os.makedirs(images)
    shades = numpy.random.default_rng(0)
    for number in range(4):
        pixels = shades.integers(0, 255, (SIZE, SIZE, 3), dtype=numpy.uint8)
        Image.fromarray(pixels).save(os.path.join(images, f"{number}.png"))


def draw(folder, lora):
    """Says by how much the pictures differ with the LoRA and without it."""
    pipeline = FluxPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)

    def picture():
        return pipeline(
            "p3rson",
            height=SIZE,
            width=SIZE,
            num_inference_steps=2,
            max_sequence_length=16,
            generator=torch.Generator().manual_seed(0),
            output_type="np",
        ).images

    bare = picture()
    pipeline.load_lora_weights(lora)
    print("changed by", abs(picture() - bare).max())


if __name__ == "__main__":
    {"make": make, "draw": draw}[sys.argv[1]](*sys.argv[2:])

"""Makes sd3_runs.safetensors, sd3_runs.json and sd3_lora.safetensors beside this file: runs of the tiny Stable Diffusion 3
through diffusers' own pipelines and training formulas.

Needs: torch (2.6), numpy, safetensors, diffusers (0.40 development tree) and transformers. The prompt embeddings are the
encoder outputs in text_io.safetensors, joined as the paper says, so that no tokenizer takes part.

    python make_sd3_runs.py
"""
import json
import pathlib

import torch
from safetensors.torch import load_file, save_file

from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Img2ImgPipeline,
    StableDiffusion3InpaintPipeline,
    StableDiffusion3Pipeline,
)
from diffusers.training_utils import compute_loss_weighting_for_sd3

HERE = pathlib.Path(__file__).resolve().parent
torch.set_num_threads(1)
text = load_file(HERE / "text_io.safetensors")
out, facts = {}, {}


def seeded(seed):
    return torch.Generator("cpu").manual_seed(seed)


def network():
    return SD3Transformer2DModel.from_pretrained(HERE / "tiny_sd3" / "transformer", torch_dtype=torch.float32)


def scheduler(**changes):
    settings = json.loads((HERE / "tiny_sd3" / "scheduler" / "scheduler_config.json").read_text())
    return FlowMatchEulerDiscreteScheduler.from_config({**settings, **changes})


def embedding(row):
    clip = torch.cat([text["clip_l.hidden_minus2"], text["clip_g.hidden_minus2"]], -1)[row : row + 1]
    words = text["t5.last_hidden_state(no mask)"][row : row + 1]
    clip = torch.nn.functional.pad(clip, (0, words.shape[-1] - clip.shape[-1]))
    pooled = torch.cat([text["clip_l.text_embeds"], text["clip_g.text_embeds"]], -1)[row : row + 1]
    return torch.cat([clip, words], 1), pooled


def pipeline(kind, transformer, noise_schedule):
    pipe = kind(
        transformer=transformer, scheduler=noise_schedule, vae=vae, text_encoder=None, tokenizer=None,
        text_encoder_2=None, tokenizer_2=None, text_encoder_3=None, tokenizer_3=None,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


vae = AutoencoderKL.from_pretrained(HERE / "tiny_sd3" / "vae", torch_dtype=torch.float32)
(context, pooled), (no_context, no_pooled) = embedding(0), embedding(1)
common = dict(
    prompt_embeds=context, pooled_prompt_embeds=pooled, negative_prompt_embeds=no_context,
    negative_pooled_prompt_embeds=no_pooled, height=48, width=80, guidance_scale=5.0,
)


def run(name, kind=StableDiffusion3Pipeline, transformer=None, schedule=None, trajectory=False, output="latent", **arguments):
    steps = []

    def keep(_pipe, _index, _time, tensors):
        steps.append(tensors["latents"].clone())
        return {}

    pipe = pipeline(kind, transformer or network(), schedule or scheduler())
    given = {**common, **arguments}
    result = pipe(output_type=output, callback_on_step_end=keep, **given).images
    # All steps, or the last alone.
    out[name] = torch.cat(steps, 0) if trajectory else steps[-1].clone()
    if output != "latent":
        out[f"{name}.image_rows_16_to_31"] = torch.from_numpy(result[:, 16:32])
    facts[f"{name}.steps"] = len(steps)


latents = torch.randn(1, 16, 6, 10, generator=seeded(100))
out["in.latents"] = latents
run("t2i", latents=latents, num_inference_steps=8, trajectory=True, output="np")
run("cfg1", latents=latents, num_inference_steps=4, guidance_scale=1.0)
run("slg", latents=latents, num_inference_steps=8, skip_guidance_layers=[1], skip_layer_guidance_scale=2.8,
    skip_layer_guidance_start=0.01, skip_layer_guidance_stop=0.4)
run("sigmas", latents=latents, num_inference_steps=4, sigmas=[1.0, 0.8, 0.5, 0.2])
run("seed77", generator=seeded(77), num_inference_steps=3)
run("dynamic", latents=latents, num_inference_steps=4, schedule=scheduler(use_dynamic_shifting=True))
run("two", generator=[seeded(77), seeded(78)], num_images_per_prompt=1, num_inference_steps=2,
    prompt_embeds=context.repeat(2, 1, 1), pooled_prompt_embeds=pooled.repeat(2, 1),
    negative_prompt_embeds=no_context.repeat(2, 1, 1), negative_pooled_prompt_embeds=no_pooled.repeat(2, 1))

picture = (torch.rand(1, 3, 48, 80, generator=seeded(101)) * 255).round().to(torch.uint8)
mask = torch.zeros(1, 1, 48, 80, dtype=torch.uint8)
mask[:, :, 5:29, 27:70] = 1
out["in.picture"], out["in.mask"] = picture, mask
pixels = picture.float() / 255
run("i2i_latent", StableDiffusion3Img2ImgPipeline, image=0.5 * latents, strength=0.6, generator=seeded(55), num_inference_steps=8, trajectory=True)
run("i2i_pixel", StableDiffusion3Img2ImgPipeline, image=pixels, strength=0.5, generator=seeded(56), num_inference_steps=8)
run("inpaint", StableDiffusion3InpaintPipeline, image=pixels, mask_image=mask.float(), strength=0.7, generator=seeded(57), num_inference_steps=8, trajectory=True)
run("inpaint_all", StableDiffusion3InpaintPipeline, image=pixels, mask_image=mask.float(), strength=1.0, generator=seeded(58), num_inference_steps=3)

# W + 0.8 B A, which is what PEFT computes for alpha = rank.
source, adapter = seeded(102), {}
adapted = network()
for index, block in enumerate(adapted.transformer_blocks):
    for name in ["to_q", "to_k", "to_v", "to_out.0", "add_q_proj"]:
        layer = block.attn.get_submodule(name)
        down = torch.randn(2, layer.in_features, generator=source) * 0.3
        up = torch.randn(layer.out_features, 2, generator=source) * 0.3
        stem = f"transformer.transformer_blocks.{index}.attn.{name}"
        adapter[f"{stem}.lora_A.weight"], adapter[f"{stem}.lora_B.weight"] = down, up
        layer.weight.data += 0.8 * up @ down
save_file(adapter, HERE / "sd3_lora.safetensors")
run("lora", latents=latents, transformer=adapted, num_inference_steps=4)

# Training as diffusers' examples/dreambooth/train_dreambooth_lora_sd3.py writes it.
x0 = 0.7 * torch.randn(4, 16, 4, 6, generator=seeded(103))
noise = torch.randn(4, 16, 4, 6, generator=seeded(104))
u = torch.tensor([0.0612, 0.3977, 0.7423, 0.9991])
out["train.x0"], out["train.noise"], out["train.u"] = x0, noise, u
table = scheduler()
times = table.timesteps[(u * table.config.num_train_timesteps).long()]
sigmas = table.sigmas[[(table.timesteps == t).nonzero().item() for t in times]].view(-1, 1, 1, 1)
out["train.times"] = times.clone()


def loss_of(model, weighting, precondition):
    noisy = (1.0 - sigmas) * x0 + sigmas * noise
    predicted = model(noisy, timestep=times, encoder_hidden_states=context.repeat(4, 1, 1), pooled_projections=pooled.repeat(4, 1), return_dict=False)[0]
    if precondition:
        predicted = predicted * (-sigmas) + noisy
    weights = compute_loss_weighting_for_sd3(weighting_scheme=weighting, sigmas=sigmas)
    target = x0 if precondition else noise - x0
    return torch.mean((weights.float() * (predicted.float() - target.float()) ** 2).reshape(4, -1), 1).mean()


def norms(model):
    return {name: float(f"{p.grad.norm().item():.7g}") for name, p in model.named_parameters()}


for weighting in ["none", "sigma_sqrt", "cosmap"]:
    for precondition in [False, True]:
        model = network()
        loss = loss_of(model, weighting, precondition)
        loss.backward()
        each = norms(model)
        entry = {"loss": loss.item(), "gradient_norm": sum(n * n for n in each.values()) ** 0.5}
        if weighting == "cosmap" and precondition:
            entry["gradient_norms"] = each
        facts[f"train.{weighting}{'.precondition' if precondition else ''}"] = entry

model = network()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), weight_decay=1e-4, eps=1e-8)
steps = []
for _ in range(5):
    optimizer.zero_grad()
    loss = loss_of(model, "none", False)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    steps.append({"loss": loss.item(), "gradient_norm": norm.item()})
facts["train.steps"] = steps
facts["train.weights"] = {name: float(f"{p.detach().double().abs().mean().item():.9g}") for name, p in model.named_parameters()}
out["train.to_q"] = model.transformer_blocks[1].attn.to_q.weight.detach().clone()
out["train.proj_out"] = model.proj_out.weight.detach().clone()

save_file({name: value.contiguous() for name, value in out.items()}, HERE / "sd3_runs.safetensors")
(HERE / "sd3_runs.json").write_text(json.dumps(facts, indent=1) + "\n")

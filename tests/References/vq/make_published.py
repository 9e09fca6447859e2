"""Small models of published tokenizers with random weights, and what they make of an input.

Run with the sources of taming-transformers, encodec, descript-audio-codec, vector-quantize-pytorch and einops on
PYTHONPATH (their package folders are enough), PyTorch 1.13 or later, NumPy:

    PYTHONPATH=sources python3 make_published.py published

What the packages import beside PyTorch and einops and do not use here is replaced by empty modules.
Weights are rounded to float16, so that the files are small and every reader sees the same numbers.
"""
import sys
import types
from pathlib import Path

import torch

out = Path(sys.argv[1])
out.mkdir(exist_ok=True)


class Anything(types.ModuleType):
    """A module whose every attribute is a class that can be derived from and does nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name in ("where", "get_at", "add"):
            def function(pattern, *values):
                # The one pattern that is met here: rows of a table.
                assert (name, pattern) == ("get_at", "[c] d, b n -> b n d"), (name, pattern)
                return values[0][values[1]]
            return function
        if name in ("ml", "INTERN", "EXTERN"):
            return [] if name != "ml" else Anything("ml")
        return type(name, (torch.nn.Module,), {"INTERN": [], "EXTERN": []})


for name in ("audiotools", "audiotools.ml", "audiotools.core", "torchaudio", "tqdm", "pytorch_lightning", "main", "einx", "argbind", "soundfile"):
    sys.modules[name] = Anything(name)


def rounded(module):
    with torch.no_grad():
        for value in list(module.parameters()) + list(module.buffers()):
            if value.is_floating_point():
                value.copy_(value.half().float())
    return module


def half(states):
    return {k: v.half() if v.is_floating_point() else v for k, v in states.items()}


def keep(name, states, **values):
    torch.save(states, out / f"{name}.pth")
    torch.save({k: v.contiguous() for k, v in values.items()}, out / f"{name}-run.pth")


# VQGAN of taming-transformers; VQModel itself needs a trainer, so its parts are put together as it does.
from taming.modules.diffusionmodules.model import Decoder, Encoder
from taming.modules.vqvae.quantize import VectorQuantizer2

torch.manual_seed(1)
config = dict(ch=32, out_ch=3, ch_mult=(1, 1), num_res_blocks=1, attn_resolutions=[8], in_channels=3, resolution=16, z_channels=16, double_z=False, dropout=0.0)
parts = torch.nn.ModuleDict(dict(
    encoder=Encoder(**config), decoder=Decoder(**config), quantize=VectorQuantizer2(32, 8, beta=0.25),
    quant_conv=torch.nn.Conv2d(16, 8, 1), post_quant_conv=torch.nn.Conv2d(8, 16, 1)))
with torch.no_grad():
    for name, p in parts.named_parameters():
        if "norm" in name:
            p.add_(torch.randn_like(p) * 0.2)
    parts["quantize"].embedding.weight.normal_(0, 0.3)
rounded(parts).eval()
pictures = torch.rand(2, 3, 16, 24)
with torch.no_grad():
    latents = parts["quant_conv"](parts["encoder"](pictures * 2 - 1))
    values, _, (_, _, codes) = parts["quantize"](latents)
    pictures_back = (parts["decoder"](parts["post_quant_conv"](values)) + 1) / 2
states = half(parts.state_dict())
states["loss.logvar"] = torch.zeros(())
keep("taming", {"state_dict": states, "global_step": 3}, input=pictures, codes=codes.reshape(2, 8, 12), output=pictures_back)

# EnCodec, causal with weight norm as the model of 24 kHz.
from encodec import modules as seanet
from encodec import quantization
from encodec.model import EncodecModel

torch.manual_seed(2)
settings = dict(channels=1, dimension=12, n_filters=4, ratios=[4, 3], norm="weight_norm", causal=True)
model = EncodecModel(
    seanet.SEANetEncoder(**settings), seanet.SEANetDecoder(**settings),
    quantization.ResidualVectorQuantizer(dimension=12, n_q=3, bins=16), [1.5], 24000, 1)
with torch.no_grad():
    for layer in model.quantizer.vq.layers:
        layer._codebook.embed.normal_(0, 0.1)
        layer._codebook.inited.fill_(1)
rounded(model).eval()
sound = torch.randn(2, 1, 240) * 0.3
with torch.no_grad():
    embedded = model.encoder(sound)
    codes = model.quantizer.vq.encode(embedded).permute(1, 2, 0)
    sound_back = model.decoder(model.quantizer.vq.decode(codes.permute(2, 0, 1)))
keep("encodec", half(model.state_dict()), input=sound, codes=codes, output=sound_back)

# The Descript Audio Codec.
import importlib

sys.modules["audiotools.ml"].BaseModel = type("BaseModel", (torch.nn.Module,), {"INTERN": [], "EXTERN": []})
sys.modules["audiotools"].ml = sys.modules["audiotools.ml"]
package = types.ModuleType("dac")
package.__path__ = [str(Path(next(p for p in sys.path if (Path(p) / "dac").is_dir())) / "dac")]
sys.modules["dac"] = package
for inner in ("dac.nn", "dac.model"):
    made = types.ModuleType(inner)
    made.__path__ = [str(Path(package.__path__[0]) / inner.split(".")[1])]
    sys.modules[inner] = made
sys.modules["dac.model.base"] = types.ModuleType("dac.model.base")
sys.modules["dac.model.base"].CodecMixin = type("CodecMixin", (), {"get_delay": lambda self: 0})
dac = importlib.import_module("dac.model.dac")

torch.manual_seed(3)
model = dac.DAC(encoder_dim=4, encoder_rates=[2, 4], decoder_dim=16, decoder_rates=[4, 2], n_codebooks=3, codebook_size=16, codebook_dim=4, sample_rate=16000)
with torch.no_grad():
    for name, p in model.named_parameters():
        if name.endswith("weight_v"):
            p.normal_(0, 0.3)
        if name.endswith("weight_g"):
            p.uniform_(0.5, 1.5)
        if name.endswith("alpha"):
            p.uniform_(0.5, 2)
rounded(model).eval()
sound = torch.randn(2, 1, 160) * 0.3
with torch.no_grad():
    z, codes, *_ = model.encode(sound)
    sound_back = model.decode(z)
keep("dac", {"state_dict": half(model.state_dict()), "metadata": {"kwargs": {"sample_rate": 16000}}}, input=sound, codes=codes.permute(0, 2, 1), output=sound_back)

# Quantizers of vector-quantize-pytorch.
from vector_quantize_pytorch import FSQ, LFQ, GroupedResidualVQ, ResidualVQ, SimVQ, VectorQuantize

quantizers = {
    "vq": lambda: VectorQuantize(dim=6, codebook_size=16),
    "vq-cosine": lambda: VectorQuantize(dim=6, codebook_size=16, use_cosine_sim=True),
    "vq-projected": lambda: VectorQuantize(dim=8, codebook_dim=4, codebook_size=16),
    "vq-heads": lambda: VectorQuantize(dim=8, codebook_dim=4, heads=2, separate_codebook_per_head=True, codebook_size=16),
    "vq-learnable": lambda: VectorQuantize(dim=6, codebook_size=16, learnable_codebook=True, ema_update=False),
    "residual": lambda: ResidualVQ(dim=6, num_quantizers=3, codebook_size=16),
    "grouped": lambda: GroupedResidualVQ(dim=8, groups=2, num_quantizers=2, codebook_size=16),
    "fsq": lambda: FSQ([8, 5, 5], dim=6),
    "lfq": lambda: LFQ(dim=6, codebook_size=16),
    "sim": lambda: SimVQ(dim=6, codebook_size=16),
}
for number, (name, make) in enumerate(quantizers.items()):
    torch.manual_seed(100 + number)
    module = make()
    with torch.no_grad():
        for key, value in list(module.named_parameters()) + list(module.named_buffers()):
            if key.endswith("embed") and "cosine" not in name:
                value.normal_()
    rounded(module).eval()
    vectors = torch.randn(2, 20, 8 if "dim=8" in name or name in ("vq-projected", "vq-heads", "grouped") else 6)
    with torch.no_grad():
        values, codes = module(vectors)[:2]
    if name == "grouped":
        codes = codes.permute(1, 2, 0, 3).reshape(2, 20, 4)
    keep(name, {k: v for k, v in module.state_dict().items()}, input=vectors, codes=codes, output=values)
    print(name, {k: tuple(v.shape) for k, v in module.state_dict().items()}, tuple(codes.shape))

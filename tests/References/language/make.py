"""Tiny random models in the layouts of Hugging Face (LLaMA, Qwen2, Qwen3, GPT-2) with the scores that plain numpy gives, token after token.

    python3 make.py

writes a folder for each: config.json, model.safetensors, expected.safetensors (ids int64 [2, 7], scores float64 [2, 7, vocabulary]).
"""
import json
import struct
from math import pi, sqrt
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
VOCABULARY, LENGTH = 13, 7


def save(path, tensors):
    names = {"float32": "F32", "float64": "F64", "int64": "I64"}
    header, data = {}, b""
    for key, value in tensors.items():
        value = np.ascontiguousarray(value)
        header[key] = {"dtype": names[str(value.dtype)], "shape": list(value.shape), "data_offsets": [len(data), len(data) + value.nbytes]}
        data += value.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def rms(x, w, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w


def layer_norm(x, w, b, eps):
    m = x.mean(-1, keepdims=True)
    return (x - m) / np.sqrt(((x - m) ** 2).mean(-1, keepdims=True) + eps) * w + b


def attend(q, k, v):
    """q [H, L, D], k and v [G, L, D]: one query after the other."""
    heads, length, depth = q.shape
    out = np.zeros_like(q)
    for h in range(heads):
        g = h // (heads // k.shape[0])
        for i in range(length):
            out[h, i] = softmax(q[h, i] @ k[g, : i + 1].T / sqrt(depth)) @ v[g, : i + 1]
    return out


def rotate(x, base):
    """Pairs (i, i + D / 2) as complex numbers, turned by place * base^(-2 i / D)."""
    half = x.shape[-1] // 2
    z = x[..., :half] + 1j * x[..., half:]
    angle = np.arange(x.shape[1])[:, None] * base ** (-2.0 * np.arange(half) / x.shape[-1])
    z = z * np.exp(1j * angle)
    return np.concatenate([z.real, z.imag], -1)


def heads_of(x, count):
    return x.reshape(x.shape[0], count, -1).transpose(1, 0, 2)


def llama(c, w, ids):
    x = w["model.embed_tokens.weight"][ids]
    eps, base = c["rms_norm_eps"], c["rope_theta"]
    for n in range(c["num_hidden_layers"]):
        p = f"model.layers.{n}."

        def linear(y, name):
            y = y @ w[p + name + ".weight"].T
            return y + w[p + name + ".bias"] if p + name + ".bias" in w else y

        y = rms(x, w[p + "input_layernorm.weight"], eps)
        q = heads_of(linear(y, "self_attn.q_proj"), c["num_attention_heads"])
        k = heads_of(linear(y, "self_attn.k_proj"), c["num_key_value_heads"])
        v = heads_of(linear(y, "self_attn.v_proj"), c["num_key_value_heads"])
        if p + "self_attn.q_norm.weight" in w:
            q, k = rms(q, w[p + "self_attn.q_norm.weight"], eps), rms(k, w[p + "self_attn.k_norm.weight"], eps)
        a = attend(rotate(q, base), rotate(k, base), v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = x + linear(a, "self_attn.o_proj")
        y = rms(x, w[p + "post_attention_layernorm.weight"], eps)
        gate = linear(y, "mlp.gate_proj")
        x = x + linear(gate / (1 + np.exp(-gate)) * linear(y, "mlp.up_proj"), "mlp.down_proj")
    x = rms(x, w["model.norm.weight"], eps)
    return x @ (w["model.embed_tokens.weight"] if c["tie_word_embeddings"] else w["lm_head.weight"]).T


def gpt2(c, w, ids):
    x = w["wte.weight"][ids] + w["wpe.weight"][: len(ids)]
    eps = c["layer_norm_epsilon"]
    for n in range(c["n_layer"]):
        p = f"h.{n}."
        y = layer_norm(x, w[p + "ln_1.weight"], w[p + "ln_1.bias"], eps) @ w[p + "attn.c_attn.weight"] + w[p + "attn.c_attn.bias"]
        q, k, v = (heads_of(part, c["n_head"]) for part in np.split(y, 3, -1))
        a = attend(q, k, v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = x + a @ w[p + "attn.c_proj.weight"] + w[p + "attn.c_proj.bias"]
        y = layer_norm(x, w[p + "ln_2.weight"], w[p + "ln_2.bias"], eps) @ w[p + "mlp.c_fc.weight"] + w[p + "mlp.c_fc.bias"]
        y = 0.5 * y * (1 + np.tanh(sqrt(2 / pi) * (y + 0.044715 * y**3)))
        x = x + y @ w[p + "mlp.c_proj.weight"] + w[p + "mlp.c_proj.bias"]
    return layer_norm(x, w["ln_f.weight"], w["ln_f.bias"], eps) @ w["wte.weight"].T


def make(name, config, shapes, run):
    random = np.random.default_rng(11)
    weights = {}
    for key, shape in shapes.items():
        value = random.normal(0, 0.4, shape)
        if "norm" in key or ".ln_" in key or key.startswith("ln_"):
            value = value * 0.3 + (1 if key.endswith("weight") else 0)
        weights[key] = value.astype(np.float32)
    wide = {k: v.astype(np.float64) for k, v in weights.items()}
    ids = random.integers(0, VOCABULARY, (2, LENGTH))
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    if name == "gpt2":  # published files hold the masks too
        weights["h.0.attn.bias"] = np.tril(np.ones((1, 1, 16, 16), np.float32))
    save(folder / "model.safetensors", weights)
    save(folder / "expected.safetensors", {"ids": ids, "scores": np.stack([run(config, wide, row) for row in ids])})


def llama_shapes(c, qkv_bias=False, qk_norm=False):
    d, h, g, f = c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"], c["intermediate_size"]
    depth = c.get("head_dim") or d // h
    shapes = {"model.embed_tokens.weight": (VOCABULARY, d), "model.norm.weight": (d,)}
    for n in range(c["num_hidden_layers"]):
        p = f"model.layers.{n}."
        shapes |= {p + "self_attn.q_proj.weight": (h * depth, d), p + "self_attn.k_proj.weight": (g * depth, d), p + "self_attn.v_proj.weight": (g * depth, d), p + "self_attn.o_proj.weight": (d, h * depth)}
        if qkv_bias:
            shapes |= {p + "self_attn.q_proj.bias": (h * depth,), p + "self_attn.k_proj.bias": (g * depth,), p + "self_attn.v_proj.bias": (g * depth,)}
        if qk_norm:
            shapes |= {p + "self_attn.q_norm.weight": (depth,), p + "self_attn.k_norm.weight": (depth,)}
        shapes |= {p + "mlp.gate_proj.weight": (f, d), p + "mlp.up_proj.weight": (f, d), p + "mlp.down_proj.weight": (d, f)}
        shapes |= {p + "input_layernorm.weight": (d,), p + "post_attention_layernorm.weight": (d,)}
    if not c["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (VOCABULARY, d)
    return shapes


BASE = {"vocab_size": VOCABULARY, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 32,
        "rms_norm_eps": 1e-5, "rope_theta": 500.0, "hidden_act": "silu", "tie_word_embeddings": False}
for name, more, options in [
    ("llama", {"model_type": "llama", "attention_bias": False, "mlp_bias": False}, {}),
    ("qwen2", {"model_type": "qwen2", "tie_word_embeddings": True, "use_sliding_window": False}, {"qkv_bias": True}),
    ("qwen3", {"model_type": "qwen3", "head_dim": 8, "attention_bias": False}, {"qk_norm": True}),
]:
    config = BASE | more
    make(name, config, llama_shapes(config, **options), llama)

config = {"model_type": "gpt2", "vocab_size": VOCABULARY, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16, "n_inner": None, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new"}
shapes = {"wte.weight": (VOCABULARY, 16), "wpe.weight": (16, 16), "ln_f.weight": (16,), "ln_f.bias": (16,)}
for n in range(2):
    p = f"h.{n}."
    shapes |= {p + "ln_1.weight": (16,), p + "ln_1.bias": (16,), p + "ln_2.weight": (16,), p + "ln_2.bias": (16,)}
    shapes |= {p + "attn.c_attn.weight": (16, 48), p + "attn.c_attn.bias": (48,), p + "attn.c_proj.weight": (16, 16), p + "attn.c_proj.bias": (16,)}
    shapes |= {p + "mlp.c_fc.weight": (16, 64), p + "mlp.c_fc.bias": (64,), p + "mlp.c_proj.weight": (64, 16), p + "mlp.c_proj.bias": (16,)}
make("gpt2", config, shapes, gpt2)

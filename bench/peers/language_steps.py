"""PyTorch's side of the benchmark language: a small decoder of LLaMA's kind (rotary positions, RMS norm, SwiGLU, one matrix at both ends) as a
good user of PyTorch writes it: queries, keys and values in one product, gate and value in one, fused AdamW and fused attention where the
version has them and they are faster, a cache that is made once, no gradients kept while a text is written.

Arguments: threads, parameters that the network must have, tokens of a text. For every line read, "wall cpu" in milliseconds as answer:
train (one step of 12 blocks of 64 tokens), greedy and topk (a text by the likeliest token, or drawn from the 20 likeliest). "memory"
answers the highest resident megabytes so far and those before the network was made.
"""
import inspect
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

threads, expected, length = (int(a) for a in sys.argv[1:4])
torch.set_num_threads(threads)
torch.manual_seed(1)
VOCABULARY, LAYERS, HEADS, WIDTH, CONTEXT, HIDDEN, BATCH = 65, 4, 4, 128, 64, 344, 12
HEAD = WIDTH // HEADS


def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024


# torch.rms_norm on a processor is composed of the same operations.
class RmsNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * self.weight


angles = torch.arange(CONTEXT)[:, None] * 10000.0 ** (-torch.arange(0, HEAD, 2) / HEAD)
COSINE, SINE = angles.cos(), angles.sin()
HIDDEN_PLACES = torch.ones(CONTEXT, CONTEXT).triu(1).bool()


def turn(x, cosine, sine):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], -1)


def by_hand(q, k, v, causal):
    scores = q @ k.transpose(-2, -1) * HEAD**-0.5
    if causal:
        scores = scores.masked_fill(HIDDEN_PLACES[: q.shape[2], : k.shape[2]], float("-inf"))
    return scores.softmax(-1) @ v


def fused(q, k, v, causal):
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = RmsNorm(), RmsNorm()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.gate, self.down = nn.Linear(WIDTH, 2 * HIDDEN, bias=False), nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, x, cosine, sine, attention, cache=None, before=0):
        n, count, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(n, count, 3, HEADS, HEAD).permute(2, 0, 3, 1, 4)
        q, k = turn(q, cosine, sine), turn(k, cosine, sine)
        if cache is not None:
            keys, values = cache
            keys[:, :, before : before + count] = k
            values[:, :, before : before + count] = v
            k, v = keys[:, :, : before + count], values[:, :, : before + count]
        y = attention(q, k, v, count > 1)
        x = x + self.out(y.transpose(1, 2).reshape(n, count, WIDTH))
        gate, value = self.gate(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * value)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = RmsNorm()
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.02)

    def forward(self, ids, attention, caches=None, before=0):
        x = self.tokens(ids)
        cosine, sine = COSINE[before : before + ids.shape[1]], SINE[before : before + ids.shape[1]]
        for i, block in enumerate(self.blocks):
            x = block(x, cosine, sine, attention, None if caches is None else caches[i], before)
        return F.linear(self.norm(x), self.tokens.weight)


start = peak()
model = Decoder()
count = sum(p.numel() for p in model.parameters())
assert count == expected, f"{count} parameters here, {expected} there"
groups = [{"params": [p for p in model.parameters() if p.dim() > 1]}, {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0}]
# Fused AdamW came to the processor with version 2.4.
quick = {"fused": True} if "fused" in inspect.signature(torch.optim.AdamW).parameters and tuple(int(v) for v in torch.__version__.split(".")[:2]) >= (2, 4) else {"foreach": True}
optimizer = torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.99), weight_decay=0.1, **quick)
ids = torch.randint(0, VOCABULARY, (BATCH, CONTEXT + 1))
inputs, targets = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()


def train(attention):
    optimizer.zero_grad(set_to_none=True)
    F.cross_entropy(model(inputs, attention).flatten(0, 1), targets.flatten()).backward()
    optimizer.step()


caches = [[torch.zeros(1, HEADS, CONTEXT, HEAD) for _ in range(2)] for _ in range(LAYERS)]


@torch.inference_mode()
def write(attention, topk):
    seen, before = [0], 0
    following = torch.zeros(1, 1, dtype=torch.long)
    for _ in range(length):
        if before + following.shape[1] > CONTEXT:
            # The context is full: on from the last half of it.
            following, before = torch.tensor([seen[-CONTEXT // 2 :]]), 0
        scores = model(following, attention, caches, before)[:, -1]
        before += following.shape[1]
        if topk:
            best, places = (scores / 0.8).topk(20)
            following = places.gather(1, best.softmax(-1).multinomial(1))
        else:
            following = scores.argmax(-1, keepdim=True)
        seen.append(following.item())


def timed(work, *arguments):
    begin, cpu = time.perf_counter(), time.process_time()
    work(*arguments)
    return (time.perf_counter() - begin) * 1e3, (time.process_time() - cpu) * 1e3


def quickest(work, *arguments):
    """The attention with which the work takes least time."""
    kinds = [by_hand] + ([fused] if hasattr(F, "scaled_dot_product_attention") else [])
    return min(kinds, key=lambda kind: min(timed(work, kind, *arguments)[0] for _ in range(6)))


for _ in range(3):
    train(by_hand)
work = {"train": (train, quickest(train)), "greedy": (write, quickest(write, False), False), "topk": (write, quickest(write, True), True)}
print(f"PyTorch {torch.__version__}, {quick}, attention: " + ", ".join(f"{name} {part[1].__name__}" for name, part in work.items()), file=sys.stderr)
for line in sys.stdin:
    name = line.strip()
    if name == "memory":
        print(peak(), start, flush=True)
        continue
    print(*timed(*work[name]), flush=True)

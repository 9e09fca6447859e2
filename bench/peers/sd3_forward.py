"""Peer of the benchmark sd3-forward: the same MM-DiT and VAE decoder written with PyTorch's own modules, the same operations as
diffusers' SD3Transformer2DModel and AutoencoderKL. Reads one word a line (fp32, bf16, vae, gemm), does it once, prints CPU seconds.
"""
import resource, sys, torch, torch.nn as nn, torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
torch.manual_seed(0)
D, H, L = 768, 12, 12


def heads(x):
    return x.view(x.shape[0], x.shape[1], H, -1).transpose(1, 2)


class Block(nn.Module):
    def __init__(self, last):
        super().__init__()
        self.last = last
        self.mod = nn.Linear(D, 6 * D)
        self.cmod = nn.Linear(D, (2 if last else 6) * D)
        self.q, self.k, self.v, self.o = (nn.Linear(D, D) for _ in range(4))
        self.cq, self.ck, self.cv = (nn.Linear(D, D) for _ in range(3))
        self.up, self.down = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)
        if not last:
            self.co, self.cup, self.cdown = nn.Linear(D, D), nn.Linear(D, 4 * D), nn.Linear(4 * D, D)

    def forward(self, x, c, e):
        s1, b1, g1, s2, b2, g2 = self.mod(e).chunk(6, 1)
        n = F.layer_norm(x, (D,), eps=1e-6) * (1 + b1[:, None]) + s1[:, None]
        if self.last:
            b, s = self.cmod(e).chunk(2, 1)
            m = F.layer_norm(c, (D,), eps=1e-6) * (1 + b[:, None]) + s[:, None]
        else:
            cs1, cb1, cg1, cs2, cb2, cg2 = self.cmod(e).chunk(6, 1)
            m = F.layer_norm(c, (D,), eps=1e-6) * (1 + cb1[:, None]) + cs1[:, None]
        q = torch.cat([heads(self.q(n)), heads(self.cq(m))], 2)
        k = torch.cat([heads(self.k(n)), heads(self.ck(m))], 2)
        v = torch.cat([heads(self.v(n)), heads(self.cv(m))], 2)
        a = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape[0], -1, D)
        i = x.shape[1]
        x = x + g1[:, None] * self.o(a[:, :i])
        n = F.layer_norm(x, (D,), eps=1e-6) * (1 + b2[:, None]) + s2[:, None]
        x = x + g2[:, None] * self.down(F.gelu(self.up(n), approximate="tanh"))
        if self.last:
            return x, None
        c = c + cg1[:, None] * self.co(a[:, i:])
        m = F.layer_norm(c, (D,), eps=1e-6) * (1 + cb2[:, None]) + cs2[:, None]
        return x, c + cg2[:, None] * self.cdown(F.gelu(self.cup(m), approximate="tanh"))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(16, D, 2, 2)
        self.pos = nn.Parameter(torch.randn(1, 256, D))
        self.t = nn.Sequential(nn.Linear(256, D), nn.SiLU(), nn.Linear(D, D))
        self.p = nn.Sequential(nn.Linear(2048, D), nn.SiLU(), nn.Linear(D, D))
        self.ctx = nn.Linear(4096, D)
        self.blocks = nn.ModuleList(Block(i == L - 1) for i in range(L))
        self.mod, self.out = nn.Linear(D, 2 * D), nn.Linear(D, 64)

    def forward(self, x, t, c, p):
        w = torch.exp(-9.210340371976184 / 128 * torch.arange(128).float())
        a = t[:, None].float() * w
        e = F.silu(self.t(torch.cat([a.cos(), a.sin()], 1).to(p.dtype)) + self.p(p))
        x = self.patch(x).flatten(2).transpose(1, 2) + self.pos
        c = self.ctx(c)
        for b in self.blocks:
            x, c = b(x, c, e)
        s, b = self.mod(e).chunk(2, 1)
        x = self.out(F.layer_norm(x, (D,), eps=1e-6) * (1 + s[:, None]) + b[:, None])
        return x.view(-1, 16, 16, 2, 2, 16).permute(0, 5, 1, 3, 2, 4).reshape(-1, 16, 32, 32)


class Res(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.n1, self.c1 = nn.GroupNorm(32, a, 1e-6), nn.Conv2d(a, b, 3, 1, 1)
        self.n2, self.c2 = nn.GroupNorm(32, b, 1e-6), nn.Conv2d(b, b, 3, 1, 1)
        self.s = nn.Conv2d(a, b, 1) if a != b else nn.Identity()

    def forward(self, x):
        return self.s(x) + self.c2(F.silu(self.n2(self.c1(F.silu(self.n1(x))))))


class Attn(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.n = nn.GroupNorm(32, c, 1e-6)
        self.q, self.k, self.v, self.o = (nn.Linear(c, c) for _ in range(4))

    def forward(self, x):
        t = self.n(x).flatten(2).transpose(1, 2)
        a = F.scaled_dot_product_attention(self.q(t)[:, None], self.k(t)[:, None], self.v(t)[:, None])[:, 0]
        return x + self.o(a).transpose(1, 2).reshape(x.shape)


class Up(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = nn.Conv2d(c, c, 3, 1, 1)

    def forward(self, x):
        return self.c(F.interpolate(x, scale_factor=2.0, mode="nearest"))


def decoder():
    parts = [nn.Conv2d(16, 512, 3, 1, 1), Res(512, 512), Attn(512), Res(512, 512)]
    before = 512
    for i, c in enumerate([512, 512, 256, 128]):
        parts += [Res(before if j == 0 else c, c) for j in range(3)]
        before = c
        if i < 3:
            parts.append(Up(c))
    return nn.Sequential(*parts, nn.GroupNorm(32, 128, 1e-6), nn.SiLU(), nn.Conv2d(128, 3, 3, 1, 1))


def cpu():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime


with torch.inference_mode():
    net = Net().eval()
    half = None
    vae = None
    args = torch.randn(2, 16, 32, 32), torch.tensor([700.0, 700.0]), torch.randn(2, 154, 4096), torch.randn(2, 2048)
    print("ready", sum(p.numel() for p in net.parameters()), flush=True)
    for line in sys.stdin:
        what = line.strip()
        if what == "bf16" and half is None:
            half = Net().eval().bfloat16()
            halfargs = args[0].bfloat16(), args[1], args[2].bfloat16(), args[3].bfloat16()
        if what == "vae" and vae is None:
            vae = decoder().eval()
        if what == "gemm":
            a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
        start = cpu()
        if what == "fp32":
            net(*args)
        elif what == "bf16":
            half(*halfargs)
        elif what == "vae":
            vae(args[0][:1])
        elif what == "gemm":
            for _ in range(10):
                a @ b
        print(cpu() - start, flush=True)

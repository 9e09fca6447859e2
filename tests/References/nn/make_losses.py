"""Makes losses.json: losses and the gradients of their means in float64. torch.nn's by PyTorch 1.13 (Debian 12: apt-get install python3-torch); the others from
their definitions, written as plainly as the papers have them. Usage: python3 make_losses.py OUT."""
import json
import math
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(7)
cases = []


def numbers(t):
    return {"shape": list(t.shape), "values": [float(v) for v in t.detach().reshape(-1)], "whole": not t.is_floating_point()}


def case(name, inputs, each, mean=None, total=None, gradient_of=0):
    """each: the losses apart; mean: reduced (their plain mean when not given). The gradient is that of the mean in the first input."""
    leaf = inputs[gradient_of].clone().requires_grad_()
    args = list(inputs)
    args[gradient_of] = leaf
    losses = each(*args)
    reduced = mean(*args) if mean else losses.mean()
    (slope,) = torch.autograd.grad(reduced, leaf)
    cases.append({"name": name, "inputs": [numbers(t) for t in inputs], "each": numbers(losses), "mean": float(reduced),
                  "sum": float(total(*args) if total else losses.sum()), "gradient": numbers(slope)})


def torches(name, inputs, function, gradient_of=0, **options):
    case(name, inputs, lambda *a: function(*a, reduction="none", **options), lambda *a: function(*a, reduction="mean", **options),
         lambda *a: function(*a, reduction="sum", **options), gradient_of)


x, t = torch.randn(3, 5) * 2, torch.randn(3, 5) * 2
p = torch.rand(3, 5) * 0.98 + 0.01
share = torch.rand(3, 5)
sign = torch.tensor([[1.0, -1, 1, -1, -1], [1, 1, -1, -1, 1], [-1, -1, 1, 1, 1]])
logs, other = torch.randn(3, 5).log_softmax(1), torch.randn(3, 5).softmax(1)
counts = torch.tensor([[0.0, 1, 2, 5, 9], [3, 0, 1, 1.5, 4], [2, 2, 2, 0, 30]])

torches("l1", [x, t], F.l1_loss)
torches("mse", [x, t], F.mse_loss)
torches("mse of one number", [torch.tensor(1.5), torch.tensor(-0.25)], F.mse_loss)
torches("huber 0.5", [x, t], F.huber_loss, delta=0.5)
torches("smooth-l1 0.7", [x, t], F.smooth_l1_loss, beta=0.7)
torches("smooth-l1 0", [x, t], F.smooth_l1_loss, beta=0.0)
torches("poisson-nll", [x, counts], F.poisson_nll_loss, log_input=True, full=False)
torches("poisson-nll full", [x, counts], F.poisson_nll_loss, log_input=True, full=True)
torches("poisson-nll rates", [p * 4, counts], F.poisson_nll_loss, log_input=False, full=True, eps=1e-3)
torches("bce", [p, share], F.binary_cross_entropy)
torches("bce weighted", [p, share, other], lambda a, b, w, reduction: F.binary_cross_entropy(a, b, w, reduction=reduction))
torches("bce-logits", [x, share], F.binary_cross_entropy_with_logits)
torches("bce-logits positive 3", [x, share], F.binary_cross_entropy_with_logits, pos_weight=torch.tensor(3.0))
torches("kl", [logs, other], F.kl_div)
torches("kl log target", [logs, other.log()], F.kl_div, log_target=True)
case("kl batch-mean", [logs, other], lambda a, b: F.kl_div(a, b, reduction="none"), lambda a, b: F.kl_div(a, b, reduction="batchmean"))
torches("multi-label-soft-margin", [x, share.round()], F.multilabel_soft_margin_loss)
torches("multi-label-soft-margin of one", [x[0], share[0].round()], F.multilabel_soft_margin_loss)
torches("multi-label-margin", [x, torch.tensor([[3, 0, -1, 1, 2], [4, 2, 1, -1, 0], [-1, 0, 1, 2, 3]])], F.multilabel_margin_loss)
torches("multi-label-margin of one", [x[0], torch.tensor([3, 0, -1, 1, 2])], F.multilabel_margin_loss)
torches("soft-margin", [x, sign], F.soft_margin_loss)
torches("hinge-embedding", [x.abs(), sign], F.hinge_embedding_loss, margin=1.0)

classes = torch.tensor([4, 0, 2])
weight = torch.tensor([0.5, 1.0, 2.0, 0.25, 3.0])
planes, masks = torch.randn(2, 3, 2, 4) * 2, torch.tensor([[[0, 1, 2, -1], [2, 2, 0, 1]], [[1, 1, -1, -1], [0, 2, 2, 2]]])
torches("cross-entropy", [x, classes], F.cross_entropy)
torches("cross-entropy of one", [x[0], classes[0]], F.cross_entropy)
torches("cross-entropy weighted and smooth", [x, classes, weight], lambda a, b, w, reduction: F.cross_entropy(a, b, w, label_smoothing=0.1, reduction=reduction))
torches("cross-entropy of masks", [planes, masks], F.cross_entropy, ignore_index=-1)
torches("cross-entropy of shares", [x, other], F.cross_entropy)
torches("nll", [logs, classes, weight], lambda a, b, w, reduction: F.nll_loss(a, b, w, reduction=reduction))
torches("nll of masks", [planes.log_softmax(1), masks], F.nll_loss, ignore_index=-1)
torches("multi-margin", [x, classes], F.multi_margin_loss)
torches("multi-margin squared", [x, classes, weight], lambda a, b, w, reduction: F.multi_margin_loss(a, b, p=2, margin=0.8, weight=w, reduction=reduction))
torches("multi-margin of one", [x[0], classes[0]], F.multi_margin_loss)

torches("margin ranking", [x, t, sign], F.margin_ranking_loss, margin=0.3)
torches("cosine embedding", [x, t, torch.tensor([1.0, -1, 1])], F.cosine_embedding_loss, margin=-0.2)
torches("cosine embedding of one", [x[0], t[0], torch.tensor(-1.0)], F.cosine_embedding_loss, margin=-0.9)
n = torch.randn(3, 5)
torches("triplet", [x, t, n], F.triplet_margin_loss, margin=2.0)
torches("triplet of one", [x[0], t[0], n[0]], F.triplet_margin_loss, margin=9.0)
torches("triplet 3 swap", [x, t, n], F.triplet_margin_loss, margin=2.0, p=3.0, swap=True)
torches("triplet by distance", [x, t, n], F.triplet_margin_with_distance_loss, margin=2.0, swap=True, distance_function=lambda a, b: (a - b).abs().amax(1))
torches("gaussian-nll", [x, t, p], lambda a, b, v, reduction: F.gaussian_nll_loss(a, b, v, reduction=reduction))
torches("gaussian-nll of one variance a row", [x, t, p[:, :1]], lambda a, b, v, reduction: F.gaussian_nll_loss(a, b, v, full=True, reduction=reduction))
torches("gaussian-nll in the variance", [x, t, p - 0.009999], lambda a, b, v, reduction: F.gaussian_nll_loss(a, b, v, eps=0.2, reduction=reduction), gradient_of=2)

steps = torch.randn(6, 2, 4).log_softmax(2)
torches("ctc", [steps, torch.tensor([[1, 2, 2], [3, 1, 0]]), torch.tensor([6, 5]), torch.tensor([3, 2])], lambda a, b, c, d, reduction: F.ctc_loss(a, b, c, d, reduction=reduction))
case("ctc of one", [steps[:, 0], torch.tensor([1, 2, 2]), torch.tensor(6), torch.tensor(3)],
     lambda a, b, c, d: F.ctc_loss(a.unsqueeze(1), b, c.reshape(1), d.reshape(1), reduction="none")[0],
     lambda a, b, c, d: F.ctc_loss(a.unsqueeze(1), b, c.reshape(1), d.reshape(1), reduction="mean"))


# Beyond torch.nn, from the definitions.
def focal(a, b, w=None, gamma=2.0, ignore=-100):
    counted = (b != ignore).double()
    b = b.clamp(min=0)
    right = F.one_hot(b, a.shape[1]).double().movedim(-1, 1)
    q = (a.softmax(1) * right).sum(1)
    factor = counted * (w[b] if w is not None else 1)
    return -(1 - q) ** gamma * q.log() * factor, factor


case("focal", [x, classes], lambda a, b: focal(a, b)[0])
case("focal weighted 0.5", [x, classes, weight], lambda a, b, w: focal(a, b, w, 0.5)[0], lambda a, b, w: focal(a, b, w, 0.5)[0].sum() / weight[classes].sum())
case("focal of masks", [planes, masks], lambda a, b: focal(a, b, ignore=-1)[0], lambda a, b: focal(a, b, ignore=-1)[0].sum() / (masks != -1).sum())


def sigmoid_focal(a, b, alpha=0.25, gamma=2.0):
    q = a.sigmoid()
    right = q * b + (1 - q) * (1 - b)
    return (alpha * b + (1 - alpha) * (1 - b)) * (1 - right) ** gamma * -(b * q.log() + (1 - b) * (1 - q).log())


case("sigmoid-focal", [x, share.round()], sigmoid_focal)
case("sigmoid-focal of shares 1.5", [x, share], lambda a, b: sigmoid_focal(a, b, 0.6, 1.5))


def regions(a, b, ignore):
    counted = (b != ignore).double().unsqueeze(1)
    right = F.one_hot(b.clamp(min=0), a.shape[1]).double().movedim(-1, 1)
    return (a.softmax(1) * counted).flatten(2), (right * counted).flatten(2)


def dice(a, b, smooth=1.0, squared=False, ignore=-1):
    q, r = regions(a, b, ignore)
    low = (q * q + r * r).sum(2) if squared else q.sum(2) + r.sum(2)
    return 1 - (2 * (q * r).sum(2) + smooth) / (low + smooth)


def tversky(a, b, alpha, beta, exponent=1.0, smooth=1.0):
    q, r = regions(a, b, -1)
    both = (q * r).sum(2)
    index = (both + smooth) / (both + alpha * (q * (1 - r)).sum(2) + beta * ((1 - q) * r).sum(2) + smooth)
    return (1 - index) ** exponent


case("dice", [planes, masks], dice)
case("dice squared", [planes, masks], lambda a, b: dice(a, b, 0.1, True))
case("dice over the batch", [planes, masks], lambda a, b: dice(a.movedim(0, 1).reshape(1, 3, 4, 4), b.reshape(1, 4, 4))[0])
case("dice without background", [planes, masks], lambda a, b: dice(a, b)[:, 1:])
yes = planes[:, :1], (masks == 2).long()
case("dice of yes and no", [*yes], lambda a, b: dice(torch.cat([torch.zeros_like(a), a], 1), b)[:, 1:])
# Places that are ignored have no (1 - q) r, but 1 - q times a mask: take masks without them.
whole = masks.clamp(min=0)
case("tversky", [planes, whole], lambda a, b: tversky(a, b, 0.3, 0.7))
case("tversky focal", [planes, whole], lambda a, b: tversky(a, b, 0.4, 0.6, 0.75))
case("sum", [planes, whole], lambda a, b: (F.cross_entropy(a, b) + 0.5 * dice(a, b).mean()).reshape(1))
case("log-cosh", [x, t], lambda a, b: (a - b).cosh().log())
case("charbonnier 0.1", [x, t], lambda a, b: ((a - b) ** 2 + 0.01).sqrt())
case("quantile 0.9", [x, t], lambda a, b: torch.where(b > a, 0.9 * (b - a), 0.1 * (a - b)))
case("hinge squared", [x, sign], lambda a, b: (0.8 - a * b).clamp(min=0) ** 2)
together = torch.tensor([1.0, 0, 0])
case("contrastive", [x, t, together], lambda a, b, c: 0.5 * (c * ((a - b) ** 2).sum(1) + (1 - c) * (6 - F.pairwise_distance(a, b)).clamp(min=0) ** 2))


def rows(q, own, others):
    """-log of the share of the own one."""
    return -(own.exp() / (own.exp() + others.exp().sum(1))).log()


def unit(v):
    return v / v.norm(dim=1, keepdim=True)


def info_nce(q, k, tau=0.2):
    s = unit(q) @ unit(k).T / tau
    return torch.stack([-(s[i, i].exp() / s[i].exp().sum()).log() for i in range(len(q))])


case("info-nce", [x, t], info_nce)
case("info-nce symmetric", [x, t], lambda q, k: (info_nce(q, k) + info_nce(k, q)) / 2)
negatives = torch.randn(4, 5)
case("info-nce with negatives", [x, t, negatives], lambda q, k, m: rows(q, (unit(q) * unit(k)).sum(1) / 0.2, unit(q) @ unit(m).T / 0.2))


def nt_xent(a, b, tau=0.5):
    z = unit(torch.cat([a, b]))
    s, size = z @ z.T / tau, len(a)
    return torch.stack([-(s[i, (i + size) % (2 * size)].exp() / sum(s[i, j].exp() for j in range(2 * size) if j != i)).log() for i in range(2 * size)])


case("nt-xent", [x, t], nt_xent)

with open(sys.argv[1], "w") as file:
    json.dump(cases, file)
    file.write("\n")
print(len(cases), "cases; pi", math.pi)

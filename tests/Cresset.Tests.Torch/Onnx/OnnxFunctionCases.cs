using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Onnx;

/// <summary>Functions of tensors as people write them inside a forward.</summary>
internal static class OnnxFunctionCases
{
    public static IReadOnlyList<OnnxCase> All { get; } =
    [
        OnnxCase.Function("arithmetic", t => (((t * 2) + 1).square() - (t / 3) - (1 - t)).clamp(-4, 4).pow(2).add(t, 0.5f), 2, 4),
        OnnxCase.Function("exponentials and logarithms",
            t => t.abs().add(1).log() + t.exp().log1p() + t.expm1() + t.abs().add(1).log2() + t.abs().add(2).log10() + t.exp2(), 2, 4),
        OnnxCase.Function("angles", t => t.sin() + t.cos() + t.tanh().asin() + t.atan() + t.sinh() + atan2(t, t.flip(1)), 2, 4),
        OnnxCase.Function("rounding", t => t.floor() + t.ceil() + t.round() + t.trunc() + t.frac() + t.remainder(0.7) + t.fmod(0.7), 2, 4),
        OnnxCase.Function("error functions", t => t.erf() + t.erfc() + t.sigmoid().logit(), 2, 4),
        OnnxCase.Function("lerp, addcmul, addcdiv", t => lerp(t, t * 2, tensor(0.3f)) + t.addcmul(t, t, 0.5) + t.addcdiv(t, t.abs() + 1, 2),
            2, 4),
        OnnxCase.Function("comparisons and where",
            t => where((t > 0).logical_and(t.le(1)), t, t * 0.1) + t.masked_fill(t < 0, 9) + t.eq(t).to(float32), 2, 4),
        OnnxCase.Function("largest and smallest", t => maximum(t, t.flip(1)) + minimum(t, -t) + t.amax([1L], true) - t.amin([1L], true), 2,
            4),
        OnnxCase.Function("whole numbers",
            t => (t * 10).to(int64).floor_divide(3).to(float32) + (t * 10).to(int64).remainder(3).to(float32), 2, 4),
        OnnxCase.Function("sums and means", t => t.sum(1) + t.mean([1L]) + t.prod(1) + t.logsumexp(1), 2, 4),
        OnnxCase.Function("spread", t => t.std(1) + t.var(1, unbiased: false) + t.norm(1), 2, 4),
        OnnxCase.Function("norms",
            t => t.norm(1, true, 1f) + t.norm(1, true, 3f) + linalg.vector_norm(t, double.PositiveInfinity, [1L], true), 2, 4),
        OnnxCase.Function("argmax", t => t.argmax(1) + t.argmin(1), 2, 4),
        OnnxCase.Function("max along a dimension", t => t.max(1).Item1 + t.min(1).Item1, 2, 4),
        OnnxCase.Function("cumsum", t => t.cumsum(1) + t.flip(1).cumsum(-1), 2, 4),
        OnnxCase.Function("all, any", t => (t > 0).any(1).to(float32) + (t > 0).all(1).to(float32), 2, 4),
        OnnxCase.Function("sort", t => t.sort(1, descending: true).Item1 + t.argsort(1).to(float32), 2, 6),
        OnnxCase.Function("topk", t => t.topk(3, 1).Item1.sum(1) + t.kthvalue(2, 1).Item1, 2, 6),
        OnnxCase.Function("gather, scatter",
            t => t.gather(1, t.argsort(1)) + t.scatter(1, t.argsort(1), t.flip(1)) + t.scatter_add(1, t.argsort(1), t), 2, 6),
        OnnxCase.Function("index_select, index_add",
            t => t.index_select(1, tensor((long[])[2, 0])).sum(1, true) + t.index_add(1, tensor((long[])[1, 1]), t[.., 0..2], 2), 2, 6),
        OnnxCase.Function("indices", t => t[.., TensorIndex.Tensor(tensor((long[])[2, 0]))] + t[.., ^2..] * t[.., 0..2], 2, 6),
        OnnxCase.Function("index with two tensors",
            t => t[TensorIndex.Colon, TensorIndex.Tensor(tensor((long[])[0, 1])), TensorIndex.Tensor(tensor((long[])[2, -1]))], 2, 3, 4),
        OnnxCase.Function("written in place", Written, 2, 6),
        OnnxCase.Function("in place", t => (t * 2).add_(1).relu_().mul_(t), 2, 4),
        OnnxCase.Function("chunk and cat", t => cat([t.chunk(2, 1)[1], t.chunk(2, 1)[0] * 2], 1) + stack([t, t], 1).sum(1), 2, 4),
        OnnxCase.Function("split and unbind", t => t.split([1L, 3L], 1)[1].sum(1) + t.unbind(1)[2], 2, 4),
        OnnxCase.Function("views with the batch's own size",
            t => t.view(t.shape[0], 2, -1).transpose(1, 2).reshape(t.shape[0] * 4, 2).view(-1, 8), 2, 8),
        OnnxCase.Function("movedim, squeeze, expand", t => t.movedim([1L], [2L]).unsqueeze(1).expand(-1, 3, -1, -1).sum(1).squeeze(1), 2, 4,
            5),
        OnnxCase.Function("flip, roll, rot90", t => t.flip(2).roll(1, 1) + t.roll([1, 2], [1, 2]) + t.rot90(1, (1, 2)).rot90(-1, (1, 2)), 2,
            4, 5),
        OnnxCase.Function("repeat, tile, repeat_interleave", t => t.repeat(1, 2) + t.tile([1L, 2L]) + t.repeat_interleave(2, 1), 2, 4),
        OnnxCase.Function("tril, triu, diagonal",
            t => matmul(t.tril(), t.triu(1)).diagonal(0, 1, 2) + t.diag_embed().sum([2L, 3L]).sum(1, true), 2, 4, 4),
        OnnxCase.Function("one_hot", t => nn.functional.one_hot(t.argmax(1), 6).to(float32), 2, 6),
        OnnxCase.Function("windows", t => t.unfold(1, 3, 2), 2, 9),
        OnnxCase.Function("einsum", t => einsum("bij,bkj->bik", t, t), 2, 3, 4),
        OnnxCase.Function("products", t => bmm(t, t.transpose(1, 2)) + matmul(t, tensor((float[])[1, 2, 3, 4])).unsqueeze(1), 2, 3, 4),
        OnnxCase.Function("distances", t => cdist(t, t * 2), 2, 3, 4),
        OnnxCase.Function("attention", t => nn.functional.scaled_dot_product_attention(t, t * 2, t + 1), 2, 2, 5, 4),
        OnnxCase.Function("attention, causal", t => nn.functional.scaled_dot_product_attention(t, t * 2, t + 1, is_casual: true), 2, 2, 5,
            4),
        OnnxCase.Function("attention with a mask",
            t => nn.functional.scaled_dot_product_attention(t, t, t, attn_mask: ones(5, 5).tril().to(ScalarType.Bool)), 2, 2, 5, 4),
        OnnxCase.Function("grid_sample",
            t => nn.functional.grid_sample(t,
                nn.functional.affine_grid(tensor((float[])[0.8f, 0.1f, 0, -0.1f, 0.9f, 0.2f]).view(1, 2, 3).expand(t.shape[0], 2, 3),
                    [t.shape[0], 4, 6, 7], false), align_corners: false), 2, 4, 8, 8),
        OnnxCase.Function("interpolate area", t => nn.functional.interpolate(t, [4, 2], mode: InterpolationMode.Area), 2, 4, 8, 8),
        OnnxCase.Function("interpolate nearest-exact", t => nn.functional.interpolate(t, [13, 5], mode: InterpolationMode.NearestExact), 2,
            4, 8, 8),
        OnnxCase.Function("pad circular", t => nn.functional.pad(t, [2, 1, 1, 0], PaddingModes.Circular), 2, 4, 8, 8),
        OnnxCase.Function("sinusoids of positions", t => t + arange(0, t.shape[1], dtype: float32).unsqueeze(1).mul(0.1).sin(), 2, 5, 4),
        OnnxCase.Function("new tensors", t => t + zeros_like(t) + ones(t.shape[0], 1) * full(1, 4, 0.1f) + eye(4)[0] + linspace(0, 1, 4), 2,
            4),
        OnnxCase.Function("a constant tensor", t => t + tensor((float[])[0.123456789f, 2, 3, 4]) * 0.12345678901234, 2, 4),
        OnnxCase.Function("copies and fills", t => zeros_like(t).copy_(t).add_(empty_like(t).fill_(2)), 2, 4),
    ];

    private static Tensor Written(Tensor t)
    {
        var y = t * 2;
        y.select(1, 0).add_(1);
        y[.., 2..4] = t[.., 0..2];
        y.narrow(1, 4, 2).zero_();
        return y;
    }
}

using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>The 8-bit AdamW kernel: decode a block, step it in float32, find its new scale, encode it. One pass over memory, blocks in any order.</summary>
internal static class QuantizedAdam
{
    public static void Step(AdamScalars s, Tensor parameter, Tensor gradient, ParameterState state, int threads)
    {
        var addresses = new Addresses(
            Gradients.Address(parameter),
            Gradients.Address(gradient),
            Gradients.Address(state["exp_avg_codes"]),
            Gradients.Address(state["exp_avg_sq_codes"]),
            Gradients.Address(state["exp_avg_scales"]),
            Gradients.Address(state["exp_avg_sq_scales"]));
        var work = new WorkList();
        work.Add(parameter.numel());
        work.Run(threads, (_, _, from, count) => Piece(s, addresses, from, count));
        GC.KeepAlive(parameter);
        GC.KeepAlive(gradient);
        GC.KeepAlive(state);
    }

    private static unsafe void Piece(in AdamScalars s, in Addresses a, long from, long count)
    {
        float* p = (float*)a.Parameter, g = (float*)a.Gradient, ms = (float*)a.FirstScales, vs = (float*)a.SecondScales;
        byte* mc = (byte*)a.FirstCodes, vc = (byte*)a.SecondCodes;
        float rest1 = (float)(1 - s.Beta1), beta2 = (float)s.Beta2, rest2 = (float)(1 - s.Beta2);
        float size = (float)s.StepSize, root = (float)s.RootCorrection, epsilon = (float)s.Epsilon, shrink = (float)s.Shrink;
        var (first, second) = (QuantizedCodebook.Signed, QuantizedCodebook.Unsigned);
        Span<float> m = stackalloc float[AdamW8Bit.BlockSize];
        Span<float> v = stackalloc float[AdamW8Bit.BlockSize];
        for (var start = from; start < from + count; start += AdamW8Bit.BlockSize)
        {
            var n = (int)Math.Min(AdamW8Bit.BlockSize, from + count - start);
            var block = start / AdamW8Bit.BlockSize;
            float scale1 = ms[block], scale2 = vs[block], top1 = 0, top2 = 0;
            for (var i = 0; i < n; i++)
            {
                var slope = g[start + i];
                var mi = scale1 * first.Values[mc[start + i]];
                var vi = scale2 * second.Values[vc[start + i]];
                mi += rest1 * (slope - mi);
                vi = (beta2 * vi) + (rest2 * slope * slope);
                p[start + i] = (p[start + i] * shrink) - (size * mi / ((MathF.Sqrt(vi) * root) + epsilon));
                m[i] = mi;
                v[i] = vi;
                top1 = MathF.Max(top1, MathF.Abs(mi));
                top2 = MathF.Max(top2, vi);
            }
            ms[block] = top1;
            vs[block] = top2;
            float inverse1 = top1 > 0 ? 1 / top1 : 0, inverse2 = top2 > 0 ? 1 / top2 : 0;
            for (var i = 0; i < n; i++)
            {
                mc[start + i] = first.Encode(m[i] * inverse1);
                vc[start + i] = second.Encode(v[i] * inverse2);
            }
        }
    }

    private readonly record struct Addresses(IntPtr Parameter, IntPtr Gradient, IntPtr FirstCodes, IntPtr SecondCodes, IntPtr FirstScales, IntPtr SecondScales);
}

using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// A step with quantized moments: decode a block, step it in float32, find its new scale, encode it. One pass over memory, blocks in any
/// order, each block by one thread, so the bits do not depend on the threads.
/// </summary>
internal static class QuantizedKernel
{
    /// <summary>AdamW: <c>exp_avg</c> and <c>exp_avg_sq</c>.</summary>
    public static unsafe void Adam(QuantizedKind kind, AdamScalars s, Tensor parameter, Tensor gradient, ParameterState state, int threads)
    {
        var elements = parameter.numel();
        var p = TensorView.Address(parameter, ScalarType.Float32, elements);
        var g = TensorView.Address(gradient, ScalarType.Float32, elements);
        var (first, second) = (new Moment(kind, state, "exp_avg", true, elements), new Moment(kind, state, "exp_avg_sq", false, elements));
        Run(parameter, threads, (_, _, from, count) =>
        {
            float rest1 = (float)(1 - s.Beta1), beta2 = (float)s.Beta2, rest2 = (float)(1 - s.Beta2);
            float size = (float)s.StepSize, root = (float)s.RootCorrection, epsilon = (float)s.Epsilon, shrink = (float)s.Shrink;
            float* weights = (float*)p, slopes = (float*)g;
            Span<float> m = stackalloc float[kind.BlockSize];
            Span<float> v = stackalloc float[kind.BlockSize];
            for (var start = from; start < from + count; start += kind.BlockSize)
            {
                var n = (int)Math.Min(kind.BlockSize, from + count - start);
                first.Decode(start, m[..n]);
                second.Decode(start, v[..n]);
                for (var i = 0; i < n; i++)
                {
                    var slope = slopes[start + i];
                    m[i] += rest1 * (slope - m[i]);
                    v[i] = (beta2 * v[i]) + (rest2 * slope * slope);
                    weights[start + i] = (weights[start + i] * shrink) - (size * m[i] / ((MathF.Sqrt(v[i]) * root) + epsilon));
                }
                first.Encode(start, m[..n]);
                second.Encode(start, v[..n]);
            }
        });
        GC.KeepAlive(parameter);
        GC.KeepAlive(gradient);
        GC.KeepAlive(state);
    }

    /// <summary>Lion: <c>exp_avg</c>.</summary>
    public static unsafe void Lion(QuantizedKind kind, LionScalars s, Tensor parameter, Tensor gradient, ParameterState state, int threads)
    {
        var elements = parameter.numel();
        var p = TensorView.Address(parameter, ScalarType.Float32, elements);
        var g = TensorView.Address(gradient, ScalarType.Float32, elements);
        var momentum = new Moment(kind, state, "exp_avg", true, elements);
        Run(parameter, threads, (_, _, from, count) =>
        {
            float rate = (float)s.Rate, beta1 = (float)s.Beta1, rest1 = (float)(1 - s.Beta1), rest2 = (float)(1 - s.Beta2),
                shrink = (float)s.Shrink;
            float* weights = (float*)p, slopes = (float*)g;
            Span<float> m = stackalloc float[kind.BlockSize];
            for (var start = from; start < from + count; start += kind.BlockSize)
            {
                var n = (int)Math.Min(kind.BlockSize, from + count - start);
                momentum.Decode(start, m[..n]);
                for (var i = 0; i < n; i++)
                {
                    var slope = slopes[start + i];
                    var direction = (beta1 * m[i]) + (rest1 * slope);
                    var step = direction > 0 ? rate : direction < 0 ? -rate : direction;
                    weights[start + i] = (shrink * weights[start + i]) - step;
                    m[i] += rest2 * (slope - m[i]);
                }
                momentum.Encode(start, m[..n]);
            }
        });
        GC.KeepAlive(parameter);
        GC.KeepAlive(gradient);
        GC.KeepAlive(state);
    }

    private static void Run(Tensor parameter, int threads, WorkList.PieceWork piece)
    {
        var work = new WorkList();
        work.Add(parameter.numel());
        work.Run(threads, piece);
    }

    /// <summary>The codes and scales of one moment. Blocks start at even elements, so no byte of two codes belongs to two blocks.</summary>
    private sealed class Moment
    {
        private readonly QuantizedCodebook _code;
        private readonly IntPtr _codes, _scales;
        private readonly int _blockSize;
        private readonly bool _packed;

        public Moment(QuantizedKind kind, ParameterState state, string name, bool signed, long elements)
        {
            (_code, _blockSize, _packed) = (kind.Code(signed), kind.BlockSize, kind.Bits == 4);
            _codes = TensorView.Address(state[name + "_codes"], ScalarType.Byte, _packed ? (elements + 1) / 2 : elements, name + "_codes");
            _scales = TensorView.Address(state[name + "_scales"], ScalarType.Float32, (elements + _blockSize - 1) / _blockSize,
                name + "_scales");
        }

        public unsafe void Decode(long start, Span<float> values)
        {
            var scale = ((float*)_scales)[start / _blockSize];
            var table = _code.Values;
            if (!_packed)
            {
                var codes = (byte*)_codes + start;
                for (var i = 0; i < values.Length; i++) values[i] = scale * table[codes[i]];
                return;
            }
            var pairs = (byte*)_codes + (start / 2);
            for (var i = 0; i < values.Length; i++) values[i] = scale * table[(pairs[i / 2] >> (4 * (i & 1))) & 15];
        }

        /// <summary>Encodes relative to the largest finite value, so that one NaN or infinity does not spoil its block.</summary>
        public unsafe void Encode(long start, ReadOnlySpan<float> values)
        {
            var top = 0f;
            foreach (var value in values)
            {
                var size = MathF.Abs(value);
                if (size > top && float.IsFinite(size)) top = size;
            }
            ((float*)_scales)[start / _blockSize] = top;
            // Below the smallest normal number the reciprocal overflows; such moments round to 0.
            var inverse = top > 1.2e-38f ? 1 / top : 0;
            if (!_packed)
            {
                var codes = (byte*)_codes + start;
                for (var i = 0; i < values.Length; i++) codes[i] = _code.Encode(values[i] * inverse);
                return;
            }
            var pairs = (byte*)_codes + (start / 2);
            for (var i = 0; i < values.Length; i += 2)
            {
                var high = i + 1 < values.Length ? _code.Encode(values[i + 1] * inverse) : _code.Zero;
                pairs[i / 2] = (byte)(_code.Encode(values[i] * inverse) | (high << 4));
            }
        }
    }
}

using System.Runtime.Intrinsics;
using Cresset.Kernels;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// CARAFE's weighted neighbourhoods without the unfolded copy: features [N, C, H, W] and weights [N, groups k^2, s H, s W], float32 on the
/// CPU, to [N, C, s H, s W], and the gradients of both. One source row at a time; every number is added up in a fixed order, so bits do not
/// depend on threads.
/// </summary>
internal sealed unsafe partial class Reassembly
{
    private const int Lanes = 16;

    // Source rows a chunk: neighbouring chunks both read the rows around their border.
    private const long ChunkWeight = 1 << 12;

    private readonly long _n;
    private readonly int _channels;
    private readonly int _padded;
    private readonly int _height;
    private readonly int _width;
    private readonly int _kernel;
    private readonly int _groups;
    private readonly int _scale;
    private readonly int _margin;
    private readonly long _stride;
    private readonly AxisTaps _repeat;

    public Reassembly(Tensor features, int kernel, int groups, int scale)
    {
        (_n, _height, _width) = (features.size(0), (int)features.size(2), (int)features.size(3));
        (_kernel, _groups, _scale) = (kernel, groups, scale);
        _channels = (int)features.size(1) / groups;
        // Four channels share every weight.
        _padded = (_channels + 3) & ~3;
        _margin = kernel / 2 * scale;
        _stride = ((Wide + 15L) & ~15L) + ((2L * _margin + 15) & ~15L) + Lanes;
        _repeat = TapRules.Of(ResizeMode.NearestExact, _width, Wide, null, false, false, false);
    }

    private int Wide => _scale * _width;

    private int High => _scale * _height;

    private int Taps => _kernel * _kernel;

    private long Plane => (long)High * Wide;

    private long Sources => _n * _groups * _channels * _height * _width;

    private long Weights => _n * _groups * Taps * Plane;

    private long Results => _n * _groups * _channels * Plane;

    public static bool Fits(Tensor x) => Vector256.IsHardwareAccelerated && TensorView.Holds<float>(x) && x.numel() > 0;

    /// <summary>The result.</summary>
    public Tensor Run(Tensor features, Tensor weights)
    {
        using var scope = NewDisposeScope();
        (features, weights) = (features.contiguous(), weights.contiguous());
        var y = TensorView.New<float>([_n, features.size(1), High, Wide]);
        using TensorView<float> f = TensorView.Dense<float>(features, Sources), w = TensorView.Dense<float>(weights, Weights),
            o = TensorView.Dense<float>(y);
        var stream = TensorWork.Streams(y.numel());
        Rows((unit, i, memory) =>
        {
            Expand(memory, f.Start + unit * _channels * _height * _width, i);
            Values(memory, w.Start + unit * Taps * Plane, o.Start + unit * _channels * Plane, i, stream);
        });
        return y.MoveToOuterDisposeScope();
    }

    /// <summary>Gradient by the weights.</summary>
    public Tensor WeightGradient(Tensor features, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        (features, gradient) = (features.contiguous(), gradient.contiguous());
        var result = TensorView.New<float>([_n, (long)_groups * Taps, High, Wide]);
        using TensorView<float> f = TensorView.Dense<float>(features, Sources), g = TensorView.Dense<float>(gradient, Results),
            o = TensorView.Dense<float>(result);
        var stream = TensorWork.Streams(result.numel());
        Rows((unit, i, memory) =>
        {
            Expand(memory, f.Start + unit * _channels * _height * _width, i);
            WeightGradients(memory, g.Start + unit * _channels * Plane, o.Start + unit * Taps * Plane, i, stream);
        });
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>Gradient by the features.</summary>
    public Tensor FeatureGradient(Tensor weights, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        (weights, gradient) = (weights.contiguous(), gradient.contiguous());
        var result = TensorView.New<float>([_n, gradient.size(1), _height, _width]);
        using TensorView<float> w = TensorView.Dense<float>(weights, Weights), g = TensorView.Dense<float>(gradient, Results),
            o = TensorView.Dense<float>(result);
        Rows((unit, i, memory) =>
        {
            Collect(memory, g.Start + unit * _channels * Plane, i);
            FeatureGradients(memory, w.Start + unit * Taps * Plane, o.Start + unit * _channels * _height * _width, i);
        });
        return result.MoveToOuterDisposeScope();
    }

    // All source rows i of all pictures and groups ("units").
    private void Rows(Action<long, int, Memory> work) => TensorWork.Chunks(
        _n * _groups * _height,
        (start, count) =>
        {
            using var memory = new Memory(this);
            for (var r = start; r < start + count; r++)
            {
                var (unit, i) = Math.DivRem(r, _height);
                work(unit, (int)i, memory);
            }
            Thread.MemoryBarrier();
        },
        ChunkWeight);

    private int Slot(int row) => (row + _kernel) % _kernel;

    private float* Row(Memory memory, int row, int part, int channel) =>
        memory.Kept + (((long)Slot(row) * _scale + part) * _padded + channel) * _stride + _margin;

    // Features of the rows around i, every number repeated s times.
    private void Expand(Memory memory, float* from, int i)
    {
        for (var row = i - _kernel / 2; row <= i + _kernel / 2; row++)
        {
            if (!Claim(memory, from, row)) continue;
            for (var c = 0; c < _channels; c++)
            {
                var to = Row(memory, row, 0, c);
                if (row < 0 || row >= _height) new Span<float>(to, Wide).Clear();
                else RowKernels.Along(_repeat, from + ((long)c * _height + row) * _width, to, false, false);
            }
        }
    }

    // Gradients of the results that come from the rows around i.
    private void Collect(Memory memory, float* from, int i)
    {
        for (var row = i - _kernel / 2; row <= i + _kernel / 2; row++)
        {
            if (!Claim(memory, from, row)) continue;
            for (var part = 0; part < _scale; part++)
            {
                for (var c = 0; c < _channels; c++)
                {
                    var to = new Span<float>(Row(memory, row, part, c), Wide);
                    if (row < 0 || row >= _height) to.Clear();
                    else new ReadOnlySpan<float>(from + c * Plane + ((long)row * _scale + part) * Wide, Wide).CopyTo(to);
                }
            }
        }
    }

    // Whether the slot of a row has to be filled.
    private bool Claim(Memory memory, float* from, int row)
    {
        if (memory.Owner != (nint)from)
        {
            Array.Fill(memory.Held, int.MinValue);
            memory.Owner = (nint)from;
        }
        var slot = Slot(row);
        if (memory.Held[slot] == row) return false;
        memory.Held[slot] = row;
        return true;
    }

    // Rows of planes that are not kept: part after part, plane after plane.
    private void Stage(Memory memory, float* from, int planes, int i)
    {
        for (var part = 0; part < _scale; part++)
        {
            for (var p = 0; p < planes; p++)
            {
                new ReadOnlySpan<float>(from + p * Plane + ((long)i * _scale + part) * Wide,
                    Wide).CopyTo(new Span<float>(memory.Staged + ((long)part * planes + p) * _stride, Wide));
            }
        }
    }

    private void Unstage(Memory memory, float* to, int rows, int planes, int i, bool stream)
    {
        for (var part = 0; part < _scale; part++)
        {
            for (var p = 0; p < planes; p++)
                ReassemblyKernels.Copy(memory.Results + ((long)part * rows + p) * _stride,
                    to + p * Plane + ((long)i * _scale + part) * Wide, Wide, stream);
        }
    }

    private void Values(Memory memory, float* weights, float* to, int i, bool stream)
    {
        Stage(memory, weights, Taps, i);
        var starts = stackalloc float*[_kernel];
        for (var x = 0; x < Wide; x += Lanes)
        {
            for (var c = 0; c < _channels; c += 4)
            {
                for (var dy = 0; dy < _kernel; dy++) starts[dy] = Row(memory, i + dy - _kernel / 2, 0, c) + x - _margin;
                for (var part = 0; part < _scale; part += 2)
                {
                    // An odd last row is computed twice.
                    var second = Math.Min(part + 1, _scale - 1);
                    float* w = memory.Staged + x, result = memory.Results + x;
                    ReassemblyKernels.Sum(starts, _stride, _kernel, _scale, w + (long)part * Taps * _stride,
                        w + (long)second * Taps * _stride, result + ((long)part * _padded + c) * _stride,
                        result + ((long)second * _padded + c) * _stride);
                }
            }
        }
        Unstage(memory, to, _padded, _channels, i, stream);
    }

    private void WeightGradients(Memory memory, float* gradient, float* to, int i, bool stream)
    {
        Stage(memory, gradient, _channels, i);
        for (var x = 0; x < Wide; x += Lanes)
        {
            for (var dy = 0; dy < _kernel; dy++)
            {
                var row = Row(memory, i + dy - _kernel / 2, 0, 0) + x - _margin;
                for (var part = 0; part < _scale; part++)
                {
                    ReassemblyKernels.Products(row, _stride, _channels, _kernel, _scale,
                        memory.Staged + (long)part * _channels * _stride + x,
                        memory.Results + ((long)part * Taps + dy * _kernel) * _stride + x);
                }
            }
        }
        Unstage(memory, to, Taps, Taps, i, stream);
    }

    private void FeatureGradients(Memory memory, float* weights, float* to, int i)
    {
        var half = _kernel / 2;
        float* Weights(int dy, int part) => memory.Staged + ((long)(dy + half) * _scale + part) * _kernel * _stride;
        for (var dy = -half; dy <= half; dy++)
        {
            for (var part = 0; part < _scale; part++)
            {
                for (var dx = 0; dx < _kernel; dx++)
                {
                    var row = i - dy;
                    var staged = new Span<float>(Weights(dy, part) + dx * _stride, Wide);
                    if (row < 0 || row >= _height) staged.Clear();
                    else new ReadOnlySpan<float>(weights + ((dy + half) * _kernel + dx) * Plane + ((long)row * _scale + part) * Wide,
                        Wide).CopyTo(staged);
                }
            }
        }
        for (var x = 0; x < Wide; x += Lanes)
        {
            for (var c = 0; c < _channels; c += 4)
            {
                Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
                for (var dy = -half; dy <= half; dy++)
                {
                    for (var part = 0; part < _scale; part++)
                    {
                        ReassemblyKernels.Add(Row(memory, i - dy, part, c) + x + _margin, Weights(dy, part) + x + _margin, _stride, _kernel,
                            -_scale, ref s0, ref s1, ref s2, ref s3);
                    }
                }
                var sums = memory.Results + c * _stride + x;
                s0.Store(sums);
                s1.Store(sums + _stride);
                s2.Store(sums + 2 * _stride);
                s3.Store(sums + 3 * _stride);
            }
        }
        for (var c = 0; c < _channels; c++)
            RowKernels.Along(_repeat.Transposed, memory.Results + c * _stride, to + ((long)c * _height + i) * _width, false, false);
    }
}

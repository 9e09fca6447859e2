using System.Runtime.InteropServices;
using Cresset.Kernels;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A separable linear map of float32 pictures [N, C, (D,) (H,) W]: one list of taps an axis. The axis along the rows is done where there
/// are fewer rows (before enlarging, after shrinking). Every result row depends on its inputs alone, so bits do not depend on threads.
/// </summary>
/// <param name="axes">Taps of the last axis, of the one before it and so on.</param>
/// <param name="channelsLast">Pictures are [N, H, W, C] instead.</param>
internal sealed unsafe class Resampling(AxisTaps[] axes, bool channelsLast = false)
{
    private Resampling? _transposed;

    /// <summary>
    /// The map of an interpolation; null where the sizes are libtorch's to refuse. Size and factor as for <see cref="Upsample"/>, one
    /// number for each place.
    /// </summary>
    public static Resampling? Between(Tensor x, long[]? size, double[]? scale, ResizeMode mode, bool align, bool antialias, bool recompute)
    {
        var places = (int)x.dim() - 2;
        var axes = new AxisTaps[places];
        long To(int i) => scale is null ? size![i] : (long)Math.Min(Math.Floor(x.size(2 + i) * scale[i]), long.MaxValue);
        var small = places == 2 && To(0) + To(1) <= 128;
        for (var i = 0; i < places; i++)
        {
            var (from, to) = (x.size(2 + i), To(i));
            if (to is < 1 or > int.MaxValue / 2 || from > int.MaxValue / 2) return null;
            axes[places - 1 - i] = TapRules.Of(mode, (int)from, (int)to, recompute || mode == ResizeMode.Area ? null : scale?[i], align,
                antialias, small);
        }
        return new Resampling(axes);
    }

    /// <summary>
    /// Whether these kernels take less time than libtorch's, measured over modes, factors and sizes. They pay per row: narrow pictures,
    /// small tensors and plain copies are libtorch's.
    /// </summary>
    public bool Pays(Tensor x, ResizeMode mode)
    {
        var (inputs, results) = (x.numel(), x.size(0) * x.size(1));
        foreach (var axis in axes) results *= axis.OutSize;
        if (inputs + results < (mode == ResizeMode.Bicubic ? 1 << 12 : 1 << 13)) return false;
        if (results > inputs) return axes[0].OutSize >= 16;
        if (axes.All(a => a.InSize == a.OutSize && a.Most == 1)) return false;
        if (mode is ResizeMode.Nearest or ResizeMode.NearestExact && axes.Length == 3) return false;
        if (axes.Length == 1 && mode != ResizeMode.Area && 2 * results < inputs) return false;
        return axes[0].InSize >= (mode == ResizeMode.Area ? 24 : axes.Length == 3 ? 32 : 48);
    }

    /// <summary>The adjoint map.</summary>
    public Resampling Transposed =>
        _transposed ??= new Resampling([.. axes.Select(a => a.Transposed)], channelsLast) { _transposed = this };

    /// <summary>Applies the map to a contiguous float32 tensor on the CPU.</summary>
    public Tensor Run(Tensor x)
    {
        using var scope = NewDisposeScope();
        x = x.contiguous();
        if (channelsLast) return Interleaved(x, axes[1], axes[0]).MoveToOuterDisposeScope();
        var planes = x.size(0) * x.size(1);
        var shape = x.shape;
        AxisTaps across = axes[0], down = axes.Length > 1 ? axes[1] : null!;
        shape[^1] = across.OutSize;
        if (axes.Length > 1) shape[^2] = down.OutSize;
        if (axes.Length == 3)
        {
            var depth = axes[2];
            shape[^3] = depth.OutSize;
            var y = TensorView.New<float>(shape);
            if (depth.InSize <= depth.OutSize)
            {
                using var flat = TensorView.New<float>([planes * depth.InSize, down.OutSize, across.OutSize]);
                Planes(x, flat, planes * depth.InSize, down, across);
                Rows(flat, y, planes, depth, (long)down.OutSize * across.OutSize);
            }
            else
            {
                using var flat = TensorView.New<float>([planes * depth.OutSize, down.InSize, across.InSize]);
                Rows(x, flat, planes, depth, (long)down.InSize * across.InSize);
                Planes(flat, y, planes * depth.OutSize, down, across);
            }
            return y.MoveToOuterDisposeScope();
        }
        var result = TensorView.New<float>(shape);
        if (axes.Length == 2) Planes(x, result, planes, down, across);
        else Lines(x, result, planes, across);
        return result.MoveToOuterDisposeScope();
    }

    // [N, H, W, C]: both axes lie above dense rows.
    private static Tensor Interleaved(Tensor x, AxisTaps down, AxisTaps across)
    {
        var (n, width, channels) = (x.size(0), x.size(2), x.size(3));
        var y = TensorView.New<float>([n, down.OutSize, across.OutSize, channels]);
        if (down.InSize >= down.OutSize)
        {
            using var flat = TensorView.New<float>([n, down.OutSize, width, channels]);
            Rows(x, flat, n, down, width * channels);
            Rows(flat, y, n * down.OutSize, across, channels);
        }
        else
        {
            using var flat = TensorView.New<float>([n, down.InSize, across.OutSize, channels]);
            Rows(x, flat, n * down.InSize, across, channels);
            Rows(flat, y, n, down, across.OutSize * channels);
        }
        return y;
    }

    private static void Planes(Tensor x, Tensor y, long planes, AxisTaps down, AxisTaps across)
    {
        using TensorView<float> from = TensorView.Dense<float>(x), to = TensorView.Dense<float>(y);
        var stream = TensorWork.Streams(y.numel());
        Action<long, long> work = down.InSize <= down.OutSize
            ? (start, count) => AcrossFirst(from.Start, to.Start, start, count, down, across, stream)
            : (start, count) => DownFirst(from.Start, to.Start, start, count, down, across, stream);
        // Chunks of a quarter million: neighbouring chunks repeat the few rows that both look at.
        TensorWork.Chunks(planes * down.OutSize, work, Math.Max(1, across.OutSize / 4));
    }

    // Each source row is resampled once and kept while result rows look at it.
    private static void AcrossFirst(float* from, float* to, long start, long count, AxisTaps down, AxisTaps across, bool stream)
    {
        int height = down.OutSize, slots = down.Span;
        var stride = ((across.OutSize + 15L) & ~15L) + 16;
        var kept = (float*)NativeMemory.AlignedAlloc((nuint)(slots * stride * sizeof(float)), 64);
        try
        {
            var held = new long[slots];
            Array.Fill(held, -1);
            using var found = new RowList(down.Most);
            var rows = found.Start;
            for (var r = start; r < start + count; r++)
            {
                var (plane, o) = Math.DivRem(r, height);
                int first = down.First[o], taps = down.First[o + 1] - first;
                for (var k = 0; k < taps; k++)
                {
                    var row = plane * down.InSize + down.Index[first + k];
                    var slot = down.Index[first + k] % slots;
                    rows[k] = kept + slot * stride;
                    if (held[slot] == row) continue;
                    RowKernels.Along(across, from + row * across.InSize, rows[k], true, false);
                    held[slot] = row;
                }
                RowKernels.Combine(rows, down.Weight + first, taps, to + r * across.OutSize, across.OutSize, stream);
            }
        }
        finally
        {
            NativeMemory.AlignedFree(kept);
        }
        if (stream) Thread.MemoryBarrier();
    }

    private static void DownFirst(float* from, float* to, long start, long count, AxisTaps down, AxisTaps across, bool stream)
    {
        var line = (float*)NativeMemory.AlignedAlloc((nuint)((across.InSize + 15L) & ~15L) * sizeof(float), 64);
        try
        {
            using var found = new RowList(down.Most);
            var rows = found.Start;
            for (var r = start; r < start + count; r++)
            {
                var (plane, o) = Math.DivRem(r, down.OutSize);
                int first = down.First[o], taps = down.First[o + 1] - first;
                for (var k = 0; k < taps; k++) rows[k] = from + (plane * down.InSize + down.Index[first + k]) * across.InSize;
                RowKernels.Combine(rows, down.Weight + first, taps, line, across.InSize, false);
                RowKernels.Along(across, line, to + r * across.OutSize, false, stream);
            }
        }
        finally
        {
            NativeMemory.AlignedFree(line);
        }
        if (stream) Thread.MemoryBarrier();
    }

    // The axis that is resampled is above whole rows of the given width.
    private static void Rows(Tensor x, Tensor y, long planes, AxisTaps taps, long width)
    {
        using TensorView<float> from = TensorView.Dense<float>(x), to = TensorView.Dense<float>(y);
        var stream = TensorWork.Streams(y.numel());
        TensorWork.Chunks(planes * taps.OutSize, Work, width);

        void Work(long start, long count)
        {
            using var found = new RowList(taps.Most);
            var rows = found.Start;
            for (var r = start; r < start + count; r++)
            {
                var (plane, o) = Math.DivRem(r, taps.OutSize);
                int first = taps.First[o], some = taps.First[o + 1] - first;
                for (var k = 0; k < some; k++) rows[k] = from.Start + (plane * taps.InSize + taps.Index[first + k]) * width;
                RowKernels.Combine(rows, taps.Weight + first, some, to.Start + r * width, width, stream);
            }
            if (stream) Thread.MemoryBarrier();
        }
    }

    private static void Lines(Tensor x, Tensor y, long lines, AxisTaps taps)
    {
        using TensorView<float> from = TensorView.Dense<float>(x), to = TensorView.Dense<float>(y);
        var stream = TensorWork.Streams(y.numel());
        TensorWork.Chunks(lines, Work, Math.Max(taps.InSize, taps.OutSize));

        void Work(long start, long count)
        {
            for (var r = start; r < start + count; r++)
                RowKernels.Along(taps, from.Start + r * taps.InSize, to.Start + r * taps.OutSize, false, stream);
            if (stream) Thread.MemoryBarrier();
        }
    }
}

using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cresset.Kernels;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A matrix [rows, columns] that stays as a file stores it, usually mapped: blocks of a <see cref="BlockFormat"/>, and where the format
/// keeps them apart, scales. It is unpacked a few rows at a time when it is multiplied.
/// </summary>
internal sealed unsafe class PackedWeight : IDisposable
{
    // A whole unpacked matrix would be the largest tensor of a step; 4 million values at a time keep products long enough.
    private const long ValuesAtOnce = 1 << 22;

    // So few rows of input are met by one row of weights at a time, in a buffer that stays in the first-level cache.
    private const long FewRows = 8;

    private readonly Tensor _bytes;
    private readonly Tensor? _scales;
    private readonly long _scaleEvery;
    private readonly float* _scaleData;

    /// <summary>Takes the tensors over.</summary>
    /// <param name="format">How rows are stored.</param>
    /// <param name="bytes">[rows, bytes of a row], on the CPU.</param>
    /// <param name="columns">Values in a row.</param>
    /// <param name="scales">Factors in single precision, in the order of the values, or null.</param>
    /// <param name="scaleEvery">How many values in row-major order share a factor.</param>
    public PackedWeight(BlockFormat format, Tensor bytes, long columns, Tensor? scales = null, long scaleEvery = 0)
    {
        if (bytes.dim() != 2 || bytes.size(1) != format.RowBytes(columns))
            throw new ArgumentException(
                $"A row of {columns} values in {format.Name} takes {format.RowBytes(columns)} bytes, not {bytes.size(-1)}.", nameof(bytes));
        (Format, Rows, Columns, _bytes, _scales, _scaleEvery) = (format, bytes.size(0), columns, bytes.DetachFromDisposeScope(),
            scales?.DetachFromDisposeScope(), scaleEvery);
        if (_scales is null) return;
        if (scaleEvery < 1 || _scales.dtype != ScalarType.Float32 || _scales.numel() != ((Rows * Columns) + scaleEvery - 1) / scaleEvery)
            throw new ArgumentException(
                $"{_scales.numel()} scales of type {_scales.dtype} for {Rows} x {Columns} values, one for {scaleEvery} each.",
                nameof(scales));
        _scaleData = (float*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(_scales.bytes));
    }

    public BlockFormat Format { get; }

    public long Rows { get; }

    public long Columns { get; }

    /// <summary>Bytes in memory or in the mapped file.</summary>
    public long StoredBytes => _bytes.numel() + (_scales is null ? 0 : _scales.numel() * 4);

    /// <summary>Rows of a matrix of numbers as 8-bit integers, each row scaled by its largest magnitude.</summary>
    public static PackedWeight EightBits(Tensor weight)
    {
        using var scope = NewDisposeScope();
        var values = weight.detach().to(ScalarType.Float32);
        var scale = values.abs().amax([1]).clamp_min(1e-12).div(127);
        var rounded = values.div(scale.unsqueeze(1)).round().to(ScalarType.Int8);
        // The same bits as unsigned bytes: int8 to uint8 wraps around.
        var bytes = rounded.to(ScalarType.Int16).add(256).remainder(256).to(ScalarType.Byte);
        return new PackedWeight(BlockFormat.Int8, bytes, weight.size(1), scale, weight.size(1));
    }

    /// <summary>The matrix whose rows <paramref name="change"/> chooses: it gets a tensor whose first dimension is the rows.</summary>
    public PackedWeight ByRows(Func<Tensor, Tensor> change)
    {
        using var scope = NewDisposeScope();
        var bytes = change(_bytes).contiguous();
        if (_scales is null || _scaleEvery >= Rows * Columns)
            return new PackedWeight(Format, bytes, Columns, _scales?.alias(), _scaleEvery);
        if (Columns % _scaleEvery != 0)
            throw new InvalidDataException(
                $"Rows of {Columns} values in {Format.Name} share scales of {_scaleEvery} with their neighbours and cannot be taken "
                    + $"apart.");
        var scales = change(_scales.view(Rows, -1)).contiguous();
        return new PackedWeight(Format, bytes, Columns, scales.view(-1), _scaleEvery);
    }

    /// <summary>All of it as numbers, [rows, columns]; the caller disposes it.</summary>
    public Tensor ToTensor(ScalarType dtype)
    {
        if (dtype is ScalarType.Float32 or ScalarType.BFloat16) return Unpack(0, Rows, dtype);
        using var single = Unpack(0, Rows, ScalarType.Float32);
        return single.to(dtype);
    }

    /// <summary>Rows by number, [count, columns] in single precision.</summary>
    public Tensor Lookup(ReadOnlySpan<long> rows)
    {
        var result = empty([rows.Length, Columns]);
        var values = MemoryMarshal.Cast<byte, float>(result.bytes);
        fixed (byte* from = _bytes.bytes)
        {
            for (var i = 0; i < rows.Length; i++)
            {
                if (rows[i] < 0 || rows[i] >= Rows)
                    throw new ArgumentOutOfRangeException(nameof(rows), rows[i], $"The table has rows 0 to {Rows - 1}.");
                Row((nint)from, rows[i], values.Slice((int)(i * Columns), (int)Columns));
            }
        }
        return result;
    }

    /// <summary>input [..., columns] times the transpose plus bias, [..., rows], in the input's element type.</summary>
    public Tensor Linear(Tensor input, Tensor? bias)
    {
        if (input.shape[^1] != Columns) throw new ShapeException($"The layer reads {Columns} values, the input has {input.shape[^1]}.");
        using var scope = NewDisposeScope();
        // Gradients with respect to the input need the whole matrix, and so does a record of the operations.
        if (KernelPause.IsOn || (is_grad_enabled() && input.requires_grad))
            return MatrixProduct.Linear(input, ToTensor(input.dtype), bias).MoveToOuterDisposeScope();
        var dtype = input.dtype is ScalarType.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
        var x = input.to(dtype).reshape(-1, Columns);
        var y = x.size(0) <= FewRows ? Few(x, bias) : Many(x, bias, dtype);
        return y.to(input.dtype).view([.. input.shape[..^1], Rows]).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _scales?.Dispose();
    }

    private Tensor Many(Tensor x, Tensor? bias, ScalarType dtype)
    {
        var result = empty([x.size(0), Rows], dtype);
        var atOnce = Math.Max(1, ValuesAtOnce / Columns);
        for (long row = 0; row < Rows; row += atOnce)
        {
            using var inner = NewDisposeScope();
            var count = Math.Min(atOnce, Rows - row);
            var part = MatrixProduct.Linear(x, Unpack(row, count, dtype), bias?.narrow(0, row, count).to(dtype));
            if (count == Rows) return part.MoveToOuterDisposeScope();
            result.narrow(1, row, count).copy_(part);
        }
        return result;
    }

    private Tensor Few(Tensor x, Tensor? bias)
    {
        var single = x.to(ScalarType.Float32).contiguous();
        var result = empty([x.size(0), Rows]);
        int count = (int)x.size(0), columns = (int)Columns;
        fixed (byte* from = _bytes.bytes, inputs = single.bytes, outputs = result.bytes)
        {
            nint f = (nint)from, i = (nint)inputs, o = (nint)outputs;
            InGroups(Rows, (first, last) =>
            {
                var line = new float[columns];
                for (var row = first; row < last; row++)
                {
                    Row(f, row, line);
                    for (var n = 0; n < count; n++)
                        ((float*)o)[(n * Rows) + row] = Dot(line, new ReadOnlySpan<float>((float*)i + ((long)n * columns), columns));
                }
            });
        }
        return bias is null ? result : result.add_(bias.to(ScalarType.Float32));
    }

    private Tensor Unpack(long first, long count, ScalarType dtype)
    {
        var result = empty([count, Columns], dtype);
        var columns = (int)Columns;
        using var part = _bytes.narrow(0, first, count);
        using var target = result.view(-1);
        fixed (byte* from = _bytes.bytes, to = target.bytes)
        {
            nint f = (nint)from, t = (nint)to;
            InGroups(count, (start, end) =>
            {
                var line = dtype == ScalarType.BFloat16 ? new float[columns] : [];
                for (var row = start; row < end; row++)
                {
                    if (dtype == ScalarType.BFloat16)
                    {
                        Row(f, first + row, line);
                        Round(line, new Span<ushort>((ushort*)t + (row * columns), columns));
                    }
                    else
                    {
                        Row(f, first + row, new Span<float>((float*)t + (row * columns), columns));
                    }
                }
            });
        }
        return result;
    }

    private void Row(nint bytes, long row, Span<float> values)
    {
        var size = Format.RowBytes(Columns);
        Format.Decode(new ReadOnlySpan<byte>((byte*)bytes + (row * size), (int)size), values);
        if (_scales is null) return;
        var at = row * Columns;
        for (var i = 0; i < values.Length;)
        {
            var run = (int)Math.Min(values.Length - i, _scaleEvery - ((at + i) % _scaleEvery));
            var scale = _scaleData[(at + i) / _scaleEvery];
            for (var end = i + run; i < end; i++) values[i] *= scale;
        }
    }

    private static void InGroups(long rows, Action<long, long> work)
    {
        const long group = 32;
        var groups = (rows + group - 1) / group;
        TensorWork.Each(groups, g => work(g * group, Math.Min(rows, (g + 1) * group)));
    }

    // Four sums in a fixed order: the bits do not depend on the number of threads.
    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        Vector<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int width = Vector<float>.Count, i = 0;
        for (; i <= a.Length - (4 * width); i += 4 * width)
        {
            s0 += new Vector<float>(a[i..]) * new Vector<float>(b[i..]);
            s1 += new Vector<float>(a[(i + width)..]) * new Vector<float>(b[(i + width)..]);
            s2 += new Vector<float>(a[(i + (2 * width))..]) * new Vector<float>(b[(i + (2 * width))..]);
            s3 += new Vector<float>(a[(i + (3 * width))..]) * new Vector<float>(b[(i + (3 * width))..]);
        }
        var sum = Vector.Sum((s0 + s1) + (s2 + s3));
        for (; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }

    // To the nearest bfloat16, ties to even; NaN stays NaN.
    private static void Round(ReadOnlySpan<float> from, Span<ushort> to)
    {
        var i = 0;
        fixed (float* source = from)
        fixed (ushort* target = to)
        {
            for (; i <= from.Length - 16; i += 16) BrainFloat.Store(Vector512.Load(source + i), target + i);
        }
        for (; i < from.Length; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(from[i]);
            to[i] = (ushort)(float.IsNaN(from[i]) ? 0x7FC0u : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
    }
}

using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// x w^T + b in float32 for AVX-512, without gradients. Weights are laid out as panels of 32 outputs, a second-level cache full at a time,
/// and met by 12 rows of the input after the other. The order of the sums does not depend on the number of threads.
/// </summary>
internal static unsafe class PackedProduct
{
    private const int Rows = RegisterTile.Rows, Columns = RegisterTile.Columns, Stride = RegisterTile.Stride, Chunk = RegisterTile.Chunk;
    private const int PanelsAtOnce = 8;
    private const int BlocksAtOnce = 8;

    /// <summary>x [..., in], w [out, in], b [out] or null to [..., out].</summary>
    public static Tensor Linear(Tensor input, Tensor weight, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        long inputs = weight.size(1), outputs = weight.size(0), rows = input.numel() / inputs;
        Tensor x = input.contiguous(), w = weight.contiguous(), b = bias is null ? zeros(outputs) : bias.contiguous();
        var result = empty([.. input.shape[..^1], outputs]);
        float* from = TensorPointer.Of(x), weights = TensorPointer.Of(w), start = TensorPointer.Of(b), to = TensorPointer.Of(result);
        var panels = (outputs + Columns - 1) / Columns;
        var packed = empty(Math.Min(panels, PanelsAtOnce) * Columns * inputs);
        var memory = TensorPointer.Of(packed);
        var groups = (rows + (BlocksAtOnce * Rows) - 1) / (BlocksAtOnce * Rows);
        for (long first = 0; first < panels; first += PanelsAtOnce)
        {
            var count = Math.Min(PanelsAtOnce, panels - first);
            Items.Each(count, panel => Pack(weights, inputs, outputs, (first + panel) * Columns, memory + (panel * Columns * inputs)));
            Items.Each(groups, group =>
            {
                var scratch = (float*)NativeMemory.AlignedAlloc(2 * Rows * Stride * sizeof(float), 64);
                for (var row = group * BlocksAtOnce * Rows; row < Math.Min(rows, (group + 1) * BlocksAtOnce * Rows); row += Rows)
                {
                    Block(from, inputs, row, Math.Min(Rows, rows - row), memory, first * Columns, count, start, to, outputs, scratch);
                }
                NativeMemory.AlignedFree(scratch);
            });
        }
        return result.MoveToOuterDisposeScope();
    }

    private static void Block(float* from, long inputs, long row, long height, float* panels, long column, long count, float* bias, float* to, long outputs, float* scratch)
    {
        float* a = scratch, edge = scratch + (Rows * Stride);
        for (long k = 0; k < inputs; k += Chunk)
        {
            var depth = (int)Math.Min(Chunk, inputs - k);
            for (var r = 0; r < Rows; r++)
            {
                var line = new Span<float>(a + (r * Stride), depth);
                if (r < height) new ReadOnlySpan<float>(from + ((row + r) * inputs) + k, depth).CopyTo(line);
                else line.Clear();
            }
            for (var panel = 0; panel < count; panel++)
            {
                var at = column + (panel * Columns);
                var width = Math.Min(Columns, outputs - at);
                float* b = panels + (panel * Columns * inputs) + (k * Columns), c = to + (row * outputs) + at;
                if (height == Rows && width == Columns)
                {
                    RegisterTile.Multiply(a, b, depth, c, outputs, k == 0 ? bias + at : c, k == 0 ? 0 : outputs);
                    continue;
                }
                RegisterTile.Multiply(a, b, depth, edge, Stride, null, 0);
                for (var r = 0; r < height; r++)
                {
                    for (var i = 0; i < width; i++) c[(r * outputs) + i] = edge[(r * Stride) + i] + (k == 0 ? bias[at + i] : c[(r * outputs) + i]);
                }
            }
        }
    }

    /// <summary>32 rows of the weights as [in][32], the missing ones zero.</summary>
    private static void Pack(float* weights, long inputs, long outputs, long first, float* to)
    {
        for (var n = 0; n < Columns; n += 4)
        {
            if (first + n + 4 <= outputs)
            {
                Transpose(weights + ((first + n) * inputs), inputs, to + n);
                continue;
            }
            for (var i = n; i < n + 4; i++)
            {
                for (long k = 0; k < inputs; k++) to[(k * Columns) + i] = first + i < outputs ? weights[((first + i) * inputs) + k] : 0;
            }
        }
    }

    private static void Transpose(float* rows, long inputs, float* to)
    {
        float* a = rows, b = rows + inputs, c = rows + (2 * inputs), d = rows + (3 * inputs);
        long k = 0;
        for (; k <= inputs - 4; k += 4)
        {
            Vector128<float> va = Vector128.Load(a + k), vb = Vector128.Load(b + k), vc = Vector128.Load(c + k), vd = Vector128.Load(d + k);
            Vector128<float> lowA = Sse.UnpackLow(va, vb), lowC = Sse.UnpackLow(vc, vd), highA = Sse.UnpackHigh(va, vb), highC = Sse.UnpackHigh(vc, vd);
            var at = to + (k * Columns);
            Sse.MoveLowToHigh(lowA, lowC).Store(at);
            Sse.MoveHighToLow(lowC, lowA).Store(at + Columns);
            Sse.MoveLowToHigh(highA, highC).Store(at + (2 * Columns));
            Sse.MoveHighToLow(highC, highA).Store(at + (3 * Columns));
        }
        for (; k < inputs; k++)
        {
            var at = to + (k * Columns);
            (at[0], at[1], at[2], at[3]) = (a[k], b[k], c[k], d[k]);
        }
    }
}

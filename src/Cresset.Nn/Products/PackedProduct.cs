using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Cresset.Tensors;
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
        Tensor x = input.contiguous(), w = weight.contiguous(), b = bias is null ? zeros(outputs, dtype: ScalarType.Float32, device: CPU) : bias.contiguous();
        var result = TensorView.New<float>([.. input.shape[..^1], outputs]);
        using TensorView<float> rowsView = TensorView.Dense<float>(x, rows * inputs), weightsView = TensorView.Dense<float>(w, outputs * inputs);
        using TensorView<float> biasView = TensorView.Dense<float>(b, outputs), resultView = TensorView.Dense<float>(result, rows * outputs);
        float* from = rowsView.Start, weights = weightsView.Start, start = biasView.Start, to = resultView.Start;
        var panels = (outputs + Columns - 1) / Columns;
        var blocks = (rows + Rows - 1) / Rows;
        var chunks = (inputs + Chunk - 1) / Chunk;
        using TensorView<float> packedRows = TensorView.Dense<float>(TensorView.New<float>(blocks * chunks * Rows * Stride));
        using TensorView<float> packedWeights = TensorView.Dense<float>(TensorView.New<float>(Math.Min(panels, PanelsAtOnce) * Columns * inputs));
        float* a = packedRows.Start, memory = packedWeights.Start;
        Items.Each(blocks, block => PackRows(from, inputs, block * Rows, Math.Min(Rows, rows - (block * Rows)), a + (block * chunks * Rows * Stride)));
        var groups = (blocks + BlocksAtOnce - 1) / BlocksAtOnce;
        for (long first = 0; first < panels; first += PanelsAtOnce)
        {
            var count = Math.Min(PanelsAtOnce, panels - first);
            Items.Each(count, panel => PackWeights(weights, inputs, outputs, (first + panel) * Columns, memory + (panel * Columns * inputs)));
            Items.Each(groups, group =>
            {
                for (var block = group * BlocksAtOnce; block < Math.Min(blocks, (group + 1) * BlocksAtOnce); block++)
                {
                    Block(a + (block * chunks * Rows * Stride), inputs, block * Rows, Math.Min(Rows, rows - (block * Rows)), memory, first * Columns, count, start, to, outputs);
                }
            });
        }
        return result.MoveToOuterDisposeScope();
    }

    private static void Block(float* a, long inputs, long row, long height, float* panels, long column, long count, float* bias, float* to, long outputs)
    {
        var edge = stackalloc float[Rows * Columns];
        for (long k = 0; k < inputs; k += Chunk, a += Rows * Stride)
        {
            var depth = (int)Math.Min(Chunk, inputs - k);
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
                RegisterTile.Multiply(a, b, depth, edge, Columns, null, 0);
                for (var r = 0; r < height; r++)
                {
                    for (var i = 0; i < width; i++) c[(r * outputs) + i] = edge[(r * Columns) + i] + (k == 0 ? bias[at + i] : c[(r * outputs) + i]);
                }
            }
        }
    }

    /// <summary>12 rows of the input as [in / 512][12][<see cref="RegisterTile.Stride"/>], the missing ones zero.</summary>
    private static void PackRows(float* from, long inputs, long row, long height, float* to)
    {
        for (long k = 0; k < inputs; k += Chunk, to += Rows * Stride)
        {
            var depth = (int)Math.Min(Chunk, inputs - k);
            for (var r = 0; r < Rows; r++)
            {
                var line = new Span<float>(to + (r * Stride), depth);
                if (r < height) new ReadOnlySpan<float>(from + ((row + r) * inputs) + k, depth).CopyTo(line);
                else line.Clear();
            }
        }
    }

    /// <summary>32 rows of the weights as [in][32], the missing ones zero.</summary>
    private static void PackWeights(float* weights, long inputs, long outputs, long first, float* to)
    {
        // A cache line of each row at a time.
        for (long k = 0; k < inputs; k += 16)
        {
            var length = Math.Min(16, inputs - k);
            for (var n = 0; n < Columns; n += 4)
            {
                var at = to + (k * Columns) + n;
                if (first + n + 4 <= outputs)
                {
                    // Weights come from main memory, in more streams than the processor follows by itself.
                    for (var i = 0; i < 4; i++) Sse.Prefetch0(weights + ((first + n + i) * inputs) + k + 64);
                    Transpose(weights + ((first + n) * inputs) + k, inputs, length, at);
                    continue;
                }
                for (var i = 0; i < 4; i++)
                {
                    for (var j = 0; j < length; j++) at[(j * Columns) + i] = first + n + i < outputs ? weights[((first + n + i) * inputs) + k + j] : 0;
                }
            }
        }
    }

    /// <summary>Four rows of <paramref name="length"/> as columns.</summary>
    private static void Transpose(float* rows, long inputs, long length, float* to)
    {
        float* a = rows, b = rows + inputs, c = rows + (2 * inputs), d = rows + (3 * inputs);
        long k = 0;
        for (; k <= length - 4; k += 4)
        {
            Vector128<float> va = Vector128.Load(a + k), vb = Vector128.Load(b + k), vc = Vector128.Load(c + k), vd = Vector128.Load(d + k);
            Vector128<float> lowA = Sse.UnpackLow(va, vb), lowC = Sse.UnpackLow(vc, vd), highA = Sse.UnpackHigh(va, vb), highC = Sse.UnpackHigh(vc, vd);
            var at = to + (k * Columns);
            Sse.MoveLowToHigh(lowA, lowC).Store(at);
            Sse.MoveHighToLow(lowC, lowA).Store(at + Columns);
            Sse.MoveLowToHigh(highA, highC).Store(at + (2 * Columns));
            Sse.MoveHighToLow(highC, highA).Store(at + (3 * Columns));
        }
        for (; k < length; k++)
        {
            var at = to + (k * Columns);
            (at[0], at[1], at[2], at[3]) = (a[k], b[k], c[k], d[k]);
        }
    }
}

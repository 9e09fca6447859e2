using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cresset.Kernels;

/// <summary>
/// y = x w^T + b in float32 for AVX-512. Weights are laid out as panels of 32 outputs, a second-level cache full at a time, and met by 12
/// rows of the input after the other. Sums run over 512 inputs at a time in one order whatever the threads, so bits do not depend on them.
/// Measured in bench/results/diffusion.md.
/// </summary>
internal readonly unsafe struct PanelProduct(long rows, long inputs, long outputs)
{
    private const int Rows = RegisterTile.Rows, Columns = RegisterTile.Columns, Stride = RegisterTile.Stride, Chunk = RegisterTile.Chunk;

    // Eight panels of 32 outputs and 512 inputs are half a megabyte: they stay in the second-level cache while all rows pass.
    private const int PanelsAtOnce = 8;

    // A hand-out of work is 96 rows: long against its cost, short enough to share out evenly.
    private const int BlocksAtOnce = 8;

    private long Panels => (outputs + Columns - 1) / Columns;

    private long Blocks => (rows + Rows - 1) / Rows;

    private long Chunks => (inputs + Chunk - 1) / Chunk;

    /// <summary>Floats of working memory for the rows.</summary>
    public long RowScratch => Blocks * Chunks * Rows * Stride;

    /// <summary>Floats of working memory for the weights.</summary>
    public long WeightScratch => Math.Min(Panels, PanelsAtOnce) * Columns * inputs;

    /// <param name="threads">At most so many threads.</param>
    /// <param name="from">x [rows, inputs].</param>
    /// <param name="weights">w [outputs, inputs].</param>
    /// <param name="bias">b [outputs].</param>
    /// <param name="to">y [rows, outputs], overwritten.</param>
    /// <param name="rowScratch"><see cref="RowScratch"/> floats.</param>
    /// <param name="weightScratch"><see cref="WeightScratch"/> floats.</param>
    public void Run(int threads, float* from, float* weights, float* bias, float* to, float* rowScratch, float* weightScratch)
    {
        long rowCount = rows, width = inputs, height = outputs, blocks = Blocks, chunks = Chunks, panels = Panels;
        ForkJoin.Run(threads, blocks,
            block =>
                PackRows(from, width, block * Rows, Math.Min(Rows, rowCount - (block * Rows)),
                    rowScratch + (block * chunks * Rows * Stride)));
        var groups = (blocks + BlocksAtOnce - 1) / BlocksAtOnce;
        for (long first = 0; first < panels; first += PanelsAtOnce)
        {
            var (start, count) = (first, Math.Min(PanelsAtOnce, panels - first));
            ForkJoin.Run(threads, count,
                panel => PackWeights(weights, width, height, (start + panel) * Columns, weightScratch + (panel * Columns * width)));
            ForkJoin.Run(threads, groups, group =>
            {
                for (var block = group * BlocksAtOnce; block < Math.Min(blocks, (group + 1) * BlocksAtOnce); block++)
                {
                    Block(rowScratch + (block * chunks * Rows * Stride), width, block * Rows, Math.Min(Rows, rowCount - (block * Rows)),
                        weightScratch, start * Columns, count, bias, to, height);
                }
            });
        }
    }

    private static void Block(float* a, long inputs, long row, long height, float* panels, long column, long count, float* bias, float* to,
        long outputs)
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
                    for (var i = 0; i < width; i++)
                        c[(r * outputs) + i] = edge[(r * Columns) + i] + (k == 0 ? bias[at + i] : c[(r * outputs) + i]);
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
                    for (var j = 0; j < length; j++)
                        at[(j * Columns) + i] = first + n + i < outputs ? weights[((first + n + i) * inputs) + k + j] : 0;
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
            Vector128<float> lowA = Sse.UnpackLow(va, vb), lowC = Sse.UnpackLow(vc, vd), highA = Sse.UnpackHigh(va, vb),
                highC = Sse.UnpackHigh(vc, vd);
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

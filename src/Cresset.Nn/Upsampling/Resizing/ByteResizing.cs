using Cresset.Kernels;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Resizes bytes in whole numbers. Pillow rounds to bytes after each axis, weights have 22 binary digits; OpenCV keeps whole sums between
/// the axes, weights have 11 digits. Channels may be planes or the last dimension of the memory; each row of results depends on its inputs
/// alone, so bits do not depend on threads.
/// </summary>
internal static unsafe class ByteResizing
{
    private const int PillowDigits = 22;
    private const int OpenCvDigits = 11;

    /// <summary>Resizes the rows [H, W, C] of each of <paramref name="planes"/> pictures.</summary>
    /// <param name="x">Dense bytes [planes, H, W, C].</param>
    /// <param name="y">Dense bytes [planes, h, w, C], written to.</param>
    /// <param name="planes">Pictures.</param>
    /// <param name="channels">Interleaved channels.</param>
    /// <param name="down">Taps along the height.</param>
    /// <param name="across">Taps along the width.</param>
    /// <param name="convention">Pillow's rounding, or OpenCV's.</param>
    public static void Run(Tensor x, Tensor y, long planes, int channels, PixelTaps down, PixelTaps across, ResizeConvention convention)
    {
        using TensorView<byte> from = TensorView.Dense<byte>(x), to = TensorView.Dense<byte>(y);
        var pillow = convention == ResizeConvention.Pillow;
        int digits = pillow ? PillowDigits : OpenCvDigits, linear = !pillow && down.Most == 2 && across.Most == 2 ? 1 : 0;
        int[] weightsDown = Fixed(down, digits), weightsAcross = Fixed(across, digits);
        long inRow = (long)across.InSize * channels, outRow = (long)across.OutSize * channels;
        var half = 1L << (digits - 1);
        TensorWork.Chunks(planes * down.OutSize, Work, outRow * down.Most);

        void Work(long start, long count)
        {
            // Rows that were already resampled along the width, by their number.
            var kept = new Dictionary<long, int[]>();
            var free = new Stack<int[]>();
            for (var r = start; r < start + count; r++)
            {
                var (plane, o) = Math.DivRem(r, down.OutSize);
                int first = down.First[o], end = down.First[o + 1];
                var lowest = plane * down.InSize + down.Index[first];
                for (var j = first + 1; j < end; j++) lowest = Math.Min(lowest, plane * down.InSize + down.Index[j]);
                foreach (var old in kept.Keys.Where(k => k < lowest).ToArray())
                {
                    free.Push(kept[old]);
                    kept.Remove(old);
                }
                var rows = new int[end - first][];
                for (var j = first; j < end; j++)
                {
                    var row = plane * down.InSize + down.Index[j];
                    if (!kept.TryGetValue(row, out var line))
                    {
                        line = free.Count > 0 ? free.Pop() : new int[outRow];
                        Along(from.Start + (row * inRow), line);
                        kept[row] = line;
                    }
                    rows[j - first] = line;
                }
                var result = to.Start + (r * outRow);
                for (var i = 0; i < outRow; i++)
                {
                    if (linear == 1)
                    {
                        // The order of roundings of OpenCV's vector code.
                        var sum = ((weightsDown[first] * (rows[0][i] >> 4)) >> 16) + ((weightsDown[first + 1] * (rows[1][i] >> 4)) >> 16);
                        result[i] = (byte)Math.Clamp((sum + 2) >> 2, 0, 255);
                        continue;
                    }
                    long total = pillow ? half : 1L << ((2 * digits) - 1);
                    for (var j = first; j < end; j++) total += (long)weightsDown[j] * rows[j - first][i];
                    result[i] = (byte)Math.Clamp(total >> (pillow ? digits : 2 * digits), 0, 255);
                }
            }
        }

        void Along(byte* row, int[] line)
        {
            for (var o = 0; o < across.OutSize; o++)
            {
                int first = across.First[o], end = across.First[o + 1];
                for (var c = 0; c < channels; c++)
                {
                    long total = pillow ? half : 0;
                    for (var j = first; j < end; j++) total += (long)weightsAcross[j] * row[((long)across.Index[j] * channels) + c];
                    line[(o * channels) + c] = pillow ? (int)Math.Clamp(total >> digits, 0, 255) : (int)total;
                }
            }
        }
    }

    private static int[] Fixed(PixelTaps taps, int digits)
    {
        double one = 1L << digits;
        // Pillow rounds halves away from 0, OpenCV to even.
        return digits == PillowDigits
            ? [.. taps.Weight.Select(w => (int)(w < 0 ? (w * one) - 0.5 : (w * one) + 0.5))]
            : [.. taps.Weight.Select(w => (int)Math.Round((float)w * one, MidpointRounding.ToEven))];
    }
}

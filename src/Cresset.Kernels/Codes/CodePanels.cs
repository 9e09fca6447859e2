using System.Runtime.InteropServices;

namespace Cresset.Kernels;

/// <summary>
/// A codebook laid out for the search kernel: codes centred on their mean and interleaved in panels of as many codes as two vector
/// registers hold, beside the constant term of each code's score z·c - |c|²/2.
/// </summary>
/// <remarks>
/// Without the centring, the expanded distance |z|² - 2 z·c + |c|² loses all digits when the codes lie far from the origin compared with
/// their spread. Distances do not change under a common shift.
/// </remarks>
internal sealed unsafe class CodePanels : IDisposable
{
    public CodePanels(ReadOnlySpan<float> codes, int width, bool euclidean, int lanes)
    {
        Width = width;
        Count = codes.Length / width;
        Lanes = lanes;
        Euclidean = euclidean;
        PanelCount = (Count + (2 * lanes) - 1) / (2 * lanes);
        Centre = new float[width];
        if (euclidean) MeanOf(codes, width, Centre);

        var padded = PanelCount * 2 * lanes;
        Panels = (float*)NativeMemory.AlignedAlloc((nuint)padded * (nuint)width * sizeof(float), 64);
        Bias = (float*)NativeMemory.AlignedAlloc((nuint)padded * sizeof(float), 64);
        Centred = GC.AllocateUninitializedArray<float>(Count * width);
        var longest = 0f;
        for (var k = 0; k < padded; k++)
        {
            var panel = Panels + ((long)(k / (2 * lanes)) * 2 * lanes * width) + (k % (2 * lanes));
            if (k >= Count)
            {
                for (var d = 0; d < width; d++) panel[(long)d * 2 * lanes] = 0;
                Bias[k] = float.NegativeInfinity;
                continue;
            }
            var code = Centred.AsSpan(k * width, width);
            FloatRows.Subtract(codes.Slice(k * width, width), Centre, code);
            for (var d = 0; d < width; d++) panel[(long)d * 2 * lanes] = code[d];
            var squared = FloatRows.Dot(code, code);
            longest = Math.Max(longest, squared);
            Bias[k] = euclidean ? -0.5f * squared : 0;
        }
        LongestCode = MathF.Sqrt(longest);
    }

    /// <summary>Numbers per code.</summary>
    public int Width { get; }

    /// <summary>Codes.</summary>
    public int Count { get; }

    /// <summary>Floats a vector register.</summary>
    public int Lanes { get; }

    /// <summary>Panels of 2 * <see cref="Lanes"/> codes, the last one filled up with codes that never win.</summary>
    public int PanelCount { get; }

    /// <summary>Nearest by distance, so that codes are centred and carry a bias; otherwise the largest inner product wins.</summary>
    public bool Euclidean { get; }

    /// <summary>What was subtracted from every code and is to be subtracted from every vector.</summary>
    public float[] Centre { get; }

    /// <summary>The centred codes [K, D].</summary>
    public float[] Centred { get; }

    /// <summary>The greatest length of a centred code: bounds the rounding error of a score.</summary>
    public float LongestCode { get; }

    public float* Panels { get; private set; }

    public float* Bias { get; private set; }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Panels);
        NativeMemory.AlignedFree(Bias);
        Panels = null;
        Bias = null;
        GC.SuppressFinalize(this);
    }

    ~CodePanels() => Dispose();

    private static void MeanOf(ReadOnlySpan<float> codes, int width, Span<float> mean)
    {
        Span<double> sum = width <= 512 ? stackalloc double[width] : new double[width];
        sum.Clear();
        var count = codes.Length / width;
        for (var k = 0; k < count; k++)
        {
            var code = codes.Slice(k * width, width);
            for (var d = 0; d < width; d++) sum[d] += code[d];
        }
        for (var d = 0; d < width; d++) mean[d] = (float)(sum[d] / count);
    }
}

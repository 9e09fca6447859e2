using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Which features pass a coupling.</summary>
public static class FeatureMasks
{
    /// <summary>Every other feature passes, starting with the first or the second.</summary>
    public static bool[] Alternating(int features, bool firstPasses) =>
        [.. Enumerable.Range(0, features).Select(i => i % 2 == 0 == firstPasses)];

    /// <summary>The first or the second half passes; with an odd number the first half is the larger.</summary>
    public static bool[] Half(int features, bool firstPasses) =>
        [.. Enumerable.Range(0, features).Select(i => i < (features + 1) / 2 == firstPasses)];

    /// <summary>A random half passes.</summary>
    public static bool[] Random(int features, Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var order = Enumerable.Range(0, features).ToArray();
        random.Shuffle(order);
        return [.. order.Select(i => i % 2 == 0)];
    }

    /// <summary>
    /// A checkerboard [1, 1, H, W] of 0 and 1; the top-left entry is 0, or 1 where <paramref name="reverse"/> is set (RealNVP, figure 3).
    /// </summary>
    public static Tensor Checkerboard(long height, long width, bool reverse = false, ScalarType dtype = ScalarType.Float32,
        Device? device = null)
    {
        using var scope = NewDisposeScope();
        var sum = arange(height, device: device).unsqueeze(1) + arange(width, device: device).unsqueeze(0) + (reverse ? 1 : 0);
        return sum.remainder(2).to(dtype).reshape(1, 1, height, width).MoveToOuterDisposeScope();
    }
}

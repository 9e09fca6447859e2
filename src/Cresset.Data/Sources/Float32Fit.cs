using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>
/// Numbers as float32, in which everything is computed. Whole numbers and doubles that would no longer differ there (seconds since 1970,
/// large identifiers) are refused: a model would learn from steps of 128 seconds without anybody being told.
/// </summary>
internal static class Float32Fit
{
    // What rounding may change of the range that a feature has.
    private const double MostLoss = 0.01;
    private const long PieceValues = 1 << 22;

    /// <param name="name">The data set.</param>
    /// <param name="what">"the inputs".</param>
    /// <param name="one">"input", which a number follows.</param>
    /// <param name="numbers">[N, ...] of any real type.</param>
    /// <exception cref="DataMismatchException">A value is not finite, too large, or lost among larger ones.</exception>
    public static Tensor Of(string name, string what, string one, Tensor numbers)
    {
        if (numbers.is_floating_point() && !numbers.isfinite().all().ToBoolean())
        {
            throw new DataMismatchException($"{name}: {what} hold values that are not finite (NaN or infinity).");
        }
        var values = numbers.to(ScalarType.Float32);
        if (numbers.dtype is not (ScalarType.Float64 or ScalarType.Int64 or ScalarType.Int32)) return values;
        if (!values.isfinite().all().ToBoolean())
        {
            throw new DataMismatchException(
                $"{name}: {what} hold numbers beyond {Text(float.MaxValue)}, which float32 cannot hold; change their unit.");
        }
        using var scope = NewDisposeScope();
        var (wide, narrow) = (numbers.reshape(numbers.size(0), -1), values.reshape(numbers.size(0), -1));
        var step = Math.Max(1, PieceValues / Math.Max(1, wide.size(1)));
        Tensor? low = null, high = null, loss = null;
        for (long at = 0; at < wide.size(0); at += step)
        {
            using var piece = NewDisposeScope();
            var count = Math.Min(step, wide.size(0) - at);
            var exact = wide.narrow(0, at, count).to(ScalarType.Float64);
            var off = (exact - narrow.narrow(0, at, count).to(ScalarType.Float64)).abs().amax([0L]);
            var (least, most) = (exact.amin([0L]), exact.amax([0L]));
            low = (low is null ? least : low.minimum(least)).MoveToOuterDisposeScope();
            high = (high is null ? most : high.maximum(most)).MoveToOuterDisposeScope();
            loss = (loss is null ? off : loss.maximum(off)).MoveToOuterDisposeScope();
        }
        if (low is null || high is null || loss is null) return values;
        var range = high - low;
        var lost = loss.gt(range * MostLoss).logical_and(range.gt(0));
        if (!lost.any().ToBoolean()) return values;
        var first = lost.to(ScalarType.Int64).argmax().ToInt64();
        throw new DataMismatchException(
            $"{name}: {one} {first} goes from {Text(low[first].ToDouble())} to {Text(high[first].ToDouble())}; float32 "
            + $"rounds such numbers by up to {loss[first].ToDouble().ToString("g3", CultureInfo.InvariantCulture)}, so little would be "
            + $"left of their "
            + "differences. Subtract an offset, such as the mean, before they are saved.");
    }

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}

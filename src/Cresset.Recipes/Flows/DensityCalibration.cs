using System.Globalization;
using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// The log densities of rows that the model did not learn from, sorted: what a new row's density is compared with. The share of them that
/// lie no higher is a p-value that needs no assumption about the model (conformal prediction, Vovk et al. 2005): alarms at p &lt;= rate are
/// false for about that share of ordinary rows.
/// </summary>
internal sealed record DensityCalibration(IReadOnlyList<double> Sorted, string Part)
{
    public const string MetadataKey = "cresset.calibration";

    // More tell no more, and the file stays small.
    private const int Most = 4096;

    /// <summary>Alarms of about one ordinary row in a hundred.</summary>
    public const double DefaultAlarmRate = 0.01;

    /// <summary>The least rate that so many rows can tell.</summary>
    public double LeastRate => 1.0 / (Sorted.Count + 1);

    /// <summary>From log densities in any order.</summary>
    public static DensityCalibration Of(IReadOnlyList<double> logDensities, string part)
    {
        double[] sorted = [.. logDensities.Where(v => !double.IsNaN(v)).Order()];
        if (sorted.Length > Most) sorted = [.. Enumerable.Range(0, Most).Select(i => sorted[(int)((i + 0.5) * sorted.Length / Most)])];
        return new DensityCalibration(sorted, part);
    }

    /// <summary>The share of ordinary rows that are as unlikely as this one or more.</summary>
    public double PValue(double logDensity)
    {
        int low = 0, high = Sorted.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Sorted[middle] <= logDensity) low = middle + 1;
            else high = middle;
        }
        return (1.0 + low) / (Sorted.Count + 1);
    }

    /// <summary>Throws where the rate is not a share, or finer than the rows can tell.</summary>
    public void Check(double rate)
    {
        if (!(rate > 0 && rate < 1))
            throw new ArgumentOutOfRangeException(nameof(rate), rate,
                "The alarm rate is a share of ordinary rows and lies between 0 and 1.");
        if (rate < LeastRate)
            throw new ArgumentOutOfRangeException(nameof(rate), rate,
                string.Create(CultureInfo.InvariantCulture,
                    $"The model was calibrated on {Sorted.Count} rows ({Part}), which tell no rate below {LeastRate:g2}. Ask for a higher "
                        + $"one, or train with a larger validation part."));
    }

    public string ToJson() => JsonSerializer.Serialize(new Stored(Part, Sorted));

    /// <exception cref="InvalidDataException">The text is damaged.</exception>
    public static DensityCalibration Parse(string json, string file)
    {
        try
        {
            var stored = JsonSerializer.Deserialize<Stored>(json);
            if (stored?.LogDensities is { Count: > 0 } values && values.All(v => !double.IsNaN(v)))
                return new DensityCalibration([.. values.Order()], stored.Part ?? "");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{file}: its calibration cannot be read: {e.Message}", e);
        }
        throw new InvalidDataException($"{file}: its calibration holds no log densities.");
    }

    private sealed record Stored(string? Part, IReadOnlyList<double> LogDensities);
}

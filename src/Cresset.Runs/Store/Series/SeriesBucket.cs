namespace Cresset.Runs;

/// <summary>Neighbouring points of a series taken together.</summary>
/// <param name="FirstStep">Smallest step.</param>
/// <param name="LastStep">Largest step.</param>
/// <param name="FirstWallTime">Time of the first point, microseconds since 1970-01-01 UTC.</param>
/// <param name="LastWallTime">Time of the last point, microseconds since 1970-01-01 UTC.</param>
/// <param name="Min">Smallest finite value; NaN if there is none.</param>
/// <param name="Max">Largest finite value; NaN if there is none.</param>
/// <param name="Sum">Sum of the finite values.</param>
/// <param name="Count">Number of points.</param>
/// <param name="NonFinite">How many of them are NaN or infinite.</param>
public readonly record struct SeriesBucket(
    long FirstStep, long LastStep, long FirstWallTime, long LastWallTime, double Min, double Max, double Sum, int Count, int NonFinite)
{
    /// <summary>Mean of the finite values; NaN if there is none.</summary>
    public double Mean => Count == NonFinite ? double.NaN : Min == Max ? Min : Sum / (Count - NonFinite);

    /// <summary>A bucket of one point.</summary>
    public static SeriesBucket Of(in SeriesPoint point) => double.IsFinite(point.Value)
        ? new(point.Step, point.Step, point.WallTime, point.WallTime, point.Value, point.Value, point.Value, 1, 0)
        : new(point.Step, point.Step, point.WallTime, point.WallTime, double.NaN, double.NaN, 0, 1, 1);

    /// <summary>Neighbours taken together; at least one.</summary>
    public static SeriesBucket Merge(ReadOnlySpan<SeriesBucket> parts)
    {
        ArgumentOutOfRangeException.ThrowIfZero(parts.Length);
        var all = parts[0];
        for (var i = 1; i < parts.Length; i++)
        {
            ref readonly var next = ref parts[i];
            all = new(
                Math.Min(all.FirstStep, next.FirstStep), Math.Max(all.LastStep, next.LastStep), all.FirstWallTime, next.LastWallTime,
                double.MinNumber(all.Min, next.Min), double.MaxNumber(all.Max, next.Max), all.Sum + next.Sum,
                all.Count + next.Count, all.NonFinite + next.NonFinite);
        }
        return all;
    }
}

using System.Globalization;

namespace Cresset.Benchmarks.Peers;

/// <summary>
/// A row of the table that <c>bench/run-all</c> writes: what was compared, both figures and how many times better ours is. Rows are lines
/// with tabs in the file that <c>CRESSET_BENCH_ROWS</c> names; without it nothing is written.
/// </summary>
internal static class ResultRow
{
    /// <summary>Figures of which less is better.</summary>
    /// <param name="row">What was compared; the same words in every run.</param>
    /// <param name="ours">Our figure.</param>
    /// <param name="peer">The peer's.</param>
    /// <param name="unit">Such as ms.</param>
    /// <param name="limit">Share of what the machine allows, such as the bandwidth of a copy; null where none was measured.</param>
    public static void Less(string row, double ours, double peer, string unit, double? limit = null) =>
        Write(row, ours, peer, unit, peer / ours, limit);

    /// <summary>Figures of which more is better.</summary>
    public static void More(string row, double ours, double peer, string unit, double? limit = null) =>
        Write(row, ours, peer, unit, ours / peer, limit);

    private static void Write(string row, double ours, double peer, string unit, double ratio, double? limit)
    {
        if (Environment.GetEnvironmentVariable("CRESSET_BENCH_ROWS") is not { Length: > 0 } file) return;
        File.AppendAllText(file, string.Create(CultureInfo.InvariantCulture,
            $"{row}\t{Figure(ours)} {unit}\t{Figure(peer)} {unit}\t{ratio:0.00}\t{(limit is { } share ? $"{share:0%}" : "")}\n"));
    }

    // Three digits that count, whatever the size.
    private static string Figure(double value)
    {
        var digits = value <= 0 ? 0 : Math.Clamp(2 - (int)Math.Floor(Math.Log10(value)), 0, 4);
        return value.ToString("F" + digits, CultureInfo.InvariantCulture);
    }
}

namespace Cresset.Runs;

/// <summary>A distribution that a run kept.</summary>
/// <param name="Tag">Name.</param>
/// <param name="Step">Step it belongs to.</param>
/// <param name="Time">When it was kept (UTC).</param>
/// <param name="Histogram">The counts.</param>
public sealed record RunHistogram(string Tag, long Step, DateTime Time, HistogramSummary Histogram);

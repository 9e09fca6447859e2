namespace Cresset.Runs;

/// <summary>One recorded value.</summary>
/// <param name="Step">Step of training (or frames, episodes, …).</param>
/// <param name="WallTime">When it was recorded, in microseconds since 1970-01-01 UTC.</param>
/// <param name="Value">The value; NaN and infinities are kept as they are.</param>
public readonly record struct SeriesPoint(long Step, long WallTime, double Value)
{
    /// <summary>When it was recorded (UTC).</summary>
    public DateTime Time => DateTime.UnixEpoch.AddMicroseconds(WallTime);
}

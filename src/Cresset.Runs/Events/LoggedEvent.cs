namespace Cresset.Runs;

/// <summary>One record of an event file.</summary>
/// <param name="WallTime">Seconds since 1970-01-01 UTC.</param>
/// <param name="Step">Step; 0 if the record has none.</param>
/// <param name="FileVersion">The file's version if it is the version record, else null.</param>
/// <param name="IsRestart">The run started again at <paramref name="Step"/>: what earlier records hold from there on no longer
/// counts.</param>
/// <param name="Values">Its values; most records have one.</param>
public sealed record LoggedEvent(double WallTime, long Step, string? FileVersion, bool IsRestart, IReadOnlyList<LoggedValue> Values);

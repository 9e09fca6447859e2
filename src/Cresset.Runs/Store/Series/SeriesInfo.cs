namespace Cresset.Runs;

/// <summary>What is known of a series without reading its points.</summary>
/// <param name="Tag">Name, for example <c>train/loss</c>.</param>
/// <param name="Count">Number of points.</param>
/// <param name="FirstStep">Smallest step.</param>
/// <param name="LastStep">Largest step.</param>
/// <param name="Last">The point recorded last.</param>
/// <param name="Min">Smallest finite value; NaN if there is none.</param>
/// <param name="Max">Largest finite value; NaN if there is none.</param>
public sealed record SeriesInfo(string Tag, long Count, long FirstStep, long LastStep, SeriesPoint Last, double Min, double Max);

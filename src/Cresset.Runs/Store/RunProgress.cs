namespace Cresset.Runs;

/// <summary>How far a run has come, from the rows that are kept beside its points.</summary>
/// <param name="Points">Points of all its series.</param>
/// <param name="LastStep">Largest step of any series; 0 without one.</param>
/// <param name="PlannedSteps">The setting <c>trainer.steps</c> as it was recorded; null where there is none.</param>
/// <param name="Headline">The series to look at first: a measured one before a training one; null without any.</param>
/// <param name="LastPicture">The picture kept last; null without any.</param>
/// <param name="Job">The setting <c>job</c>: what the run's recipe does; null where there is none.</param>
public sealed record RunProgress(long Points, long LastStep, string? PlannedSteps, SeriesInfo? Headline, RunPicture? LastPicture,
    string? Job = null);

namespace Cresset.Runs;

/// <summary>A text that a run kept.</summary>
/// <param name="Tag">Name.</param>
/// <param name="Step">Step it belongs to.</param>
/// <param name="Time">When it was kept (UTC).</param>
/// <param name="Text">The text.</param>
public sealed record RunText(string Tag, long Step, DateTime Time, string Text);

namespace Cresset.Runs;

/// <summary>No run, or more than one, goes by the given text; the message names the nearest ones.</summary>
public sealed class RunNotFoundException(string message, IReadOnlyList<string> candidates) : ArgumentException(message)
{
    /// <summary>Ids that may have been meant; empty when none is near.</summary>
    public IReadOnlyList<string> Candidates { get; } = candidates;
}

namespace Cresset.Runs;

/// <summary>Records nothing: for library use without a store.</summary>
public sealed class NullRunRecorder : IRunRecorder
{
    /// <summary>The one instance; it has no state.</summary>
    public static NullRunRecorder Instance { get; } = new();

    private NullRunRecorder()
    {
    }

    /// <inheritdoc/>
    public void Scalar(string tag, long step, double value)
    {
    }

    /// <inheritdoc/>
    public string? Picture(string tag, long step, ReadOnlySpan<byte> png, string? caption = null) => null;

    /// <inheritdoc/>
    public void Text(string tag, long step, string text)
    {
    }

    /// <inheritdoc/>
    public void Histogram(string tag, long step, ReadOnlySpan<float> values)
    {
    }

    /// <inheritdoc/>
    public void Note(string text)
    {
    }

    /// <inheritdoc/>
    public void Tag(string label)
    {
    }

    /// <inheritdoc/>
    public void TruncateAfter(long step, Func<string, bool>? tags = null)
    {
    }

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public void Finish(RunStatus status, IReadOnlyDictionary<string, double>? summary = null, string? message = null)
    {
    }
}

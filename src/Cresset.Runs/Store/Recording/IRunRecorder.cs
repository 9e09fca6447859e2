namespace Cresset.Runs;

/// <summary>
/// The small interface through which anything that takes long writes down what happens. Implemented by
/// <see cref="Run"/> (into a store) and <see cref="NullRunRecorder"/> (nowhere).
/// </summary>
/// <remarks>All members may be called from several threads.</remarks>
public interface IRunRecorder
{
    /// <summary>
    /// Records a value of the series <paramref name="tag"/>; well below a microsecond for the caller, stored at the latest 250 ms later.
    /// </summary>
    /// <exception cref="RunStoreException">An earlier value could not be stored (disk full, …).</exception>
    void Scalar(string tag, long step, double value);

    /// <summary>
    /// Keeps a PNG picture or an animated GIF under its own extension; returns the path of its file, or null if nothing is kept.
    /// </summary>
    /// <param name="tag">Name, for example <c>samples</c>.</param>
    /// <param name="step">Step it belongs to.</param>
    /// <param name="png">The bytes of a PNG or GIF (89a) file.</param>
    /// <param name="caption">Words to show with it, or null.</param>
    string? Picture(string tag, long step, ReadOnlySpan<byte> png, string? caption = null);

    /// <summary>Keeps a text that belongs to a step.</summary>
    void Text(string tag, long step, string text);

    /// <summary>Keeps the distribution of <paramref name="values"/> in 30 buckets of equal width.</summary>
    void Histogram(string tag, long step, ReadOnlySpan<float> values);

    /// <summary>Replaces the run's note.</summary>
    void Note(string text);

    /// <summary>Adds a label to the run.</summary>
    void Tag(string label);

    /// <summary>
    /// Forgets what was recorded with a step greater than <paramref name="step"/> (points, pictures, texts, histograms), of all names or of
    /// those that <paramref name="tags"/> accepts. Called when work goes on from a saved state of that step: what comes after it will be
    /// recorded again.
    /// </summary>
    void TruncateAfter(long step, Func<string, bool>? tags = null);

    /// <summary>What was asked of the run through the store since the last call; cheap enough for every step.</summary>
    IReadOnlyList<RunRequest> TakeRequests() => [];

    /// <summary>Says what became of a request.</summary>
    void Answer(RunRequest request, string answer)
    {
    }

    /// <summary>Returns when everything recorded so far is stored.</summary>
    /// <exception cref="RunStoreException">It could not be stored.</exception>
    void Flush();

    /// <summary>Stores everything and ends the run.</summary>
    /// <param name="status">Finished, Stopped or Failed.</param>
    /// <param name="summary">Final figures by name, or null.</param>
    /// <param name="message">Why it failed or stopped, or null.</param>
    void Finish(RunStatus status, IReadOnlyDictionary<string, double>? summary = null, string? message = null);
}

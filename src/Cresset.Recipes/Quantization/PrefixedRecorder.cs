using Cresset.Runs;

namespace Cresset.Recipes;

/// <summary>Records under a prefix, for a stage of a run with several; it cannot finish the run.</summary>
internal sealed class PrefixedRecorder(IRunRecorder inner, string prefix) : IRunRecorder
{
    public void Scalar(string tag, long step, double value) => inner.Scalar(prefix + tag, step, value);

    public string? Picture(string tag, long step, ReadOnlySpan<byte> png, string? caption = null) => inner.Picture(prefix + tag, step, png, caption);

    public void Text(string tag, long step, string text) => inner.Text(prefix + tag, step, text);

    public void Histogram(string tag, long step, ReadOnlySpan<float> values) => inner.Histogram(prefix + tag, step, values);

    public void Note(string text) => inner.Note(text);

    public void Tag(string label) => inner.Tag(label);

    public void Flush() => inner.Flush();

    public void Finish(RunStatus status, IReadOnlyDictionary<string, double>? summary = null, string? message = null)
    {
    }
}

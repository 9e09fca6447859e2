using Cresset.Runs;

namespace Cresset.Recipes;

/// <summary>
/// Records for one stage of a run with several, under its prefix; it forgets nothing of the others and cannot finish the run.
/// </summary>
internal sealed class StageRecorder(IRunRecorder inner, string prefix, IReadOnlyList<string> others) : IRunRecorder
{
    public void Scalar(string tag, long step, double value) => inner.Scalar(prefix + tag, step, value);

    public string? Picture(string tag, long step, ReadOnlySpan<byte> png, string? caption = null) =>
        inner.Picture(prefix + tag, step, png, caption);

    public void Text(string tag, long step, string text) => inner.Text(prefix + tag, step, text);

    public void Histogram(string tag, long step, ReadOnlySpan<float> values) => inner.Histogram(prefix + tag, step, values);

    public void Note(string text) => inner.Note(text);

    public void Tag(string label) => inner.Tag(label);

    public void TruncateAfter(long step, Func<string, bool>? tags = null) => inner.TruncateAfter(
        step,
        tag => tag.StartsWith(prefix, StringComparison.Ordinal) && !others.Any(other => tag.StartsWith(other, StringComparison.Ordinal))
            && (tags is null || tags(tag[prefix.Length..])));

    public IReadOnlyList<RunRequest> TakeRequests() => inner.TakeRequests();

    public void Answer(RunRequest request, string answer) => inner.Answer(request, answer);

    public void Flush() => inner.Flush();

    public void Finish(RunStatus status, IReadOnlyDictionary<string, double>? summary = null, string? message = null)
    {
    }
}

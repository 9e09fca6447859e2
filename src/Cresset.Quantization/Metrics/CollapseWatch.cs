namespace Cresset.Quantization;

/// <summary>Notices that a codebook is collapsing: after a window of training calls most of its codes were never chosen.</summary>
internal sealed class CollapseWatch(long size, string remedy)
{
    private const int Window = 50;
    private const double HealthyShare = 0.5;
    private readonly CodeUsage _usage = new(size);
    private int _calls;

    /// <summary>Adds a batch; a text at the end of a window in which too few codes were in use.</summary>
    public string? Observe(ReadOnlySpan<long> indices)
    {
        _usage.Add(indices);
        if (++_calls < Window) return null;
        // Fewer choices than codes say nothing about collapse.
        var collapsing = _usage.Total >= 2 * size && _usage.UsedShare < HealthyShare;
        var text = collapsing
            ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"The codebook is collapsing: {_usage.Used} of {size} codes were used in the last {Window} batches ({_usage.Total} vectors), perplexity {_usage.Perplexity:F0}. {remedy}")
            : null;
        _usage.Clear();
        _calls = 0;
        return text;
    }
}

using System.Globalization;

namespace Cresset.Quantization;

/// <summary>
/// Looks after a codebook in training: tells when most of its codes are never chosen, and when so many are restarted that it cannot settle.
/// </summary>
/// <param name="size">Codes.</param>
/// <param name="remedy">What mends a collapse; null where <see cref="CodebookOptions.RestartShare"/> does.</param>
/// <param name="restartShare">The codebook's <see cref="CodebookOptions.RestartShare"/>.</param>
internal sealed class CollapseWatch(long size, string? remedy, double restartShare = 0)
{
    private const int Window = 50;
    private const double HealthyShare = 0.5;
    // A codebook whose codes live less than twenty batches on average never gathers the means that they should be.
    private const double SettledShare = 0.05;
    private readonly CodeUsage _usage = new(size);
    private int _calls;
    private int _windows;
    private long _restarted;

    /// <summary>A watch that knows restarts.</summary>
    public CollapseWatch(long size, double restartShare)
        : this(size, null, restartShare)
    {
    }

    /// <summary>Adds a batch; a text at the end of a window in which too few codes were in use or too many were restarted.</summary>
    public string? Observe(ReadOnlySpan<long> indices, int restarted)
    {
        _usage.Add(indices);
        _restarted += restarted;
        if (++_calls < Window) return null;
        _windows++;
        var perBatch = (double)_restarted / Window;
        // Fewer choices than codes say nothing about collapse; the first window moves the random start among the data.
        var collapsing = _usage.Total >= 2 * size && _usage.UsedShare < HealthyShare;
        var unsettled = _windows > 1 && perBatch > SettledShare * size;
        var text = unsettled
            ? string.Create(CultureInfo.InvariantCulture,
                $"The codebook cannot settle: {perBatch:F0} of {size} codes are restarted in every batch of {_usage.Total / Window} "
                    + $"vectors. Lower RestartShare ({restartShare}), take larger batches, or use fewer codes.")
            : collapsing
                ? string.Create(CultureInfo.InvariantCulture,
                    $"The codebook is collapsing: {_usage.Used} of {size} codes were used in the last {Window} batches ({_usage.Total} "
                        + $"vectors), perplexity {_usage.Perplexity:F0}. {Remedy()}")
                : null;
        _usage.Clear();
        _calls = 0;
        _restarted = 0;
        return text;
    }

    private string Remedy() => remedy ?? (restartShare > 0
        ? "There may be fewer clusters than codes: make the codebook smaller, or raise RestartShare."
        : "Set RestartShare = 0.2: codes that nobody chooses then move to vectors of the batch.");
}

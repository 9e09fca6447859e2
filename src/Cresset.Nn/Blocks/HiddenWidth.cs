namespace Cresset.Nn;

/// <summary>Rules for the hidden width of a transformer's feed-forward block.</summary>
internal static class HiddenWidth
{
    /// <summary>
    /// LLaMA's rule: 2/3 of 4 <paramref name="dim"/> (a gated block has three matrices in place of two), truncated, times
    /// <paramref name="multiplier"/>, truncated, rounded up to a multiple of <paramref name="multipleOf"/>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is not positive.</exception>
    public static long Llama(long dim, long multipleOf = 256, double multiplier = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dim);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(multipleOf);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(multiplier);
        var hidden = (long)(2 * (4 * dim) / 3.0);
        hidden = (long)(multiplier * hidden);
        return (hidden + multipleOf - 1) / multipleOf * multipleOf;
    }

    /// <summary>factor * dim, truncated: 4 for most plain blocks, 8/3 for gated ones without rounding (T5 1.1, Phi-3).</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is not positive.</exception>
    public static long Times(long dim, double factor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dim);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(factor);
        // 8/3 * 768 is 2047.9999... in binary: a nudge far below one unit keeps exact products exact.
        return (long)((factor * dim) + 1e-9);
    }
}

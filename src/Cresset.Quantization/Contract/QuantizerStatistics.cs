namespace Cresset.Quantization;

/// <summary>What one call of a quantizer did, beside its tensors.</summary>
/// <param name="Batch">How often each code was chosen in this call, one histogram an index of a vector (a residual quantizer has one a
/// stage, a quantizer over scales one a scale).</param>
/// <param name="Restarted">Dead codes that were moved to a vector of the batch.</param>
/// <param name="NotFinite">Vectors that were skipped because they hold NaN or an infinity.</param>
/// <param name="Error">Mean squared difference between vectors and their quantized values, over all elements.</param>
/// <param name="Warnings">What a user should know now: a collapsing codebook with the option that mends it.</param>
public sealed record QuantizerStatistics(IReadOnlyList<CodeUsage> Batch, int Restarted, long NotFinite, double Error,
    IReadOnlyList<string> Warnings)
{
    /// <summary>
    /// Perplexity of the first index in this batch; pool <see cref="Batch"/> over batches for a figure that does not depend on their size.
    /// </summary>
    public double BatchPerplexity => Batch[0].Perplexity;
}

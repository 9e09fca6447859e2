namespace Cresset.Training;

/// <summary>Number format of weights and arithmetic in training.</summary>
public enum Precision
{
    /// <summary>float32 throughout.</summary>
    Float32,

    /// <summary>
    /// bfloat16 weights and arithmetic in linear maps and convolutions, float32 between them; float32 optimizer state and stochastic
    /// rounding. On hardware that computes bfloat16 (AVX512-BF16, AMX, CUDA); float32 elsewhere, with a notice.
    /// </summary>
    Bfloat16,
}

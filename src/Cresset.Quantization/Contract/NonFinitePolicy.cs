namespace Cresset.Quantization;

/// <summary>What a quantizer does with a vector that holds NaN or an infinity.</summary>
public enum NonFinitePolicy
{
    /// <summary>Throw before anything is changed, naming the vector's position.</summary>
    Throw,

    /// <summary>Treat the vector as masked: index -1, value 0, no part in losses or codebook statistics; the statistics count it.</summary>
    Skip,
}

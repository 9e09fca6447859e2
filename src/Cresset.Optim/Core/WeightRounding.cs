namespace Cresset.Optim;

/// <summary>How a float32 result becomes a bfloat16 weight.</summary>
public enum WeightRounding
{
    /// <summary>To the nearest, ties to even. Updates below half a unit in the last place (2^-9 relative) are lost.</summary>
    Nearest,

    /// <summary>Up or down at random so that the expected weight is exact (Gupta et al. 2015): small updates add up.</summary>
    Stochastic,
}

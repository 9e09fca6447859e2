namespace Cresset.Quantization;

/// <summary>How a codebook learns.</summary>
public enum CodebookLearning
{
    /// <summary>Exponential moving average of the vectors that choose a code (van den Oord et al. 2017, appendix A.1).</summary>
    MovingAverage,

    /// <summary>By the optimizer, through the codebook term of the loss; the codes are parameters.</summary>
    Gradient,
}

/// <summary>Where moving averages start.</summary>
public enum AverageStart
{
    /// <summary>At the initial codes with a count of one each, so that a code nobody chose stays where it is.</summary>
    Codes,

    /// <summary>
    /// At zero, divided by 1 - decay^t (Sonnet's rule): no trace of the initial codes, and codes nobody chose go to zero.
    /// </summary>
    Debiased,
}

/// <summary>What makes vectors and codes alike.</summary>
public enum CodeSimilarity
{
    /// <summary>Squared distance.</summary>
    Euclidean,

    /// <summary>Angle: vectors and codes are scaled to length one (ViT-VQGAN, Yu et al. 2021).</summary>
    Cosine,

    /// <summary>
    /// The nearest code is that of the smallest angle, but codes keep their lengths: the value is the code as it is (DAC, Kumar et al.
    /// 2023).
    /// </summary>
    Angle,
}

/// <summary>How initial codes are drawn.</summary>
public enum CodebookStart
{
    /// <summary>Uniform in ±sqrt(6 / (K D)).</summary>
    KaimingUniform,

    /// <summary>Uniform in ±1/K (the first VQ-VAE).</summary>
    InverseSizeUniform,

    /// <summary>Standard normal.</summary>
    Normal,
}

/// <summary>How the gradient crosses the quantizer.</summary>
public enum GradientEstimator
{
    /// <summary>Copied unchanged (Bengio et al. 2013).</summary>
    StraightThrough,

    /// <summary>Rotated and scaled as the vector is onto its code (Fifty et al. 2024).</summary>
    Rotation,

    /// <summary>
    /// The code is reached along a noisy direction whose length carries a gradient to the codebook (DiVeQ). Needs
    /// <see cref="CodebookLearning.Gradient"/>.
    /// </summary>
    Directional,
}

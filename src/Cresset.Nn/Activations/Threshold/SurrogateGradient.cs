namespace Cresset.Nn;

/// <summary>What stands for the derivative of a threshold in backward.</summary>
public enum SurrogateGradient
{
    /// <summary>1 everywhere (Bengio et al. 2013).</summary>
    Identity,

    /// <summary>1 for |x| &lt;= 1, else 0: the straight-through estimator of binarised nets (Hubara et al. 2016).</summary>
    StraightThrough,

    /// <summary>a s (1 - s), s = sigmoid(a x), a = 4.</summary>
    Sigmoid,

    /// <summary>(a/2) / (1 + (pi a x / 2)^2), a = 2 (Fang et al. 2021).</summary>
    ArcTan,

    /// <summary>1 / (1 + k |x|)^2, k = 25 (Zenke and Ganguli 2018, SuperSpike).</summary>
    FastSigmoid,

    /// <summary>max(0, 2 - 2 |x|) (Liu et al. 2018, Bi-Real Net).</summary>
    BiReal,

    /// <summary>max(0, 1 - |x|) (Esser et al. 2016).</summary>
    Triangle,

    /// <summary>e^(-x^2 / 2 s^2) / (s sqrt(2 pi)), s = 0.4 (Yin et al. 2021).</summary>
    Gaussian,
}

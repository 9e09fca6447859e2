namespace Cresset.Quantization;

/// <summary>What makes a code the nearest one.</summary>
public enum CodeMetric
{
    /// <summary>Smallest squared distance |z - c|².</summary>
    Euclidean,

    /// <summary>Greatest inner product z·c; on vectors and codes of length one this is the cosine similarity.</summary>
    InnerProduct,
}

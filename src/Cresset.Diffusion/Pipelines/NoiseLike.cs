namespace Cresset.Diffusion;

/// <summary>
/// Element type whose random numbers are drawn. Pipelines of diffusers draw in the element type they were loaded with, and PyTorch makes
/// other numbers of the same seed for each.
/// </summary>
public enum NoiseLike
{
    /// <summary>Single precision.</summary>
    Float32,

    /// <summary>The numbers that a pipeline in half precision draws.</summary>
    Float16,

    /// <summary>The numbers that a pipeline in bfloat16 draws.</summary>
    BFloat16,
}

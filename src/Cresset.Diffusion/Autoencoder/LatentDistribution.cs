using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>The encoder's diagonal Gaussian over latents, before scaling. Owns its tensors.</summary>
public sealed class LatentDistribution : IDisposable
{
    internal LatentDistribution(Tensor moments)
    {
        using var scope = NewDisposeScope();
        var parts = moments.chunk(2, 1);
        Mean = parts[0].contiguous().DetachFromDisposeScope();
        LogVariance = parts[1].clamp(-30, 20).DetachFromDisposeScope();
    }

    /// <summary>Means, [N, C, h, w].</summary>
    public Tensor Mean { get; }

    /// <summary>Logarithms of the variances, clamped to [-30, 20].</summary>
    public Tensor LogVariance { get; }

    /// <summary>mean + deviation * <paramref name="noise"/>; noise is standard normal of the same shape.</summary>
    public Tensor Sample(Tensor noise)
    {
        using var scope = NewDisposeScope();
        return Mean.add(LogVariance.mul(0.5).exp().mul(noise)).MoveToOuterDisposeScope();
    }

    /// <summary>Divergence from the standard normal, summed over each item, [N].</summary>
    public Tensor Divergence()
    {
        using var scope = NewDisposeScope();
        return Mean.square().add(LogVariance.exp()).sub(1).sub(LogVariance).sum([1, 2, 3]).mul(0.5).MoveToOuterDisposeScope();
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Mean.Dispose();
        LogVariance.Dispose();
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A model with exact likelihood and an invertible latent: vector flows, image flows, continuous flows.</summary>
public abstract class DensityModel : nn.Module
{
    /// <summary>For derived classes, which register their components themselves.</summary>
    protected DensityModel(string name)
        : base(name)
    {
    }

    /// <summary>Log-density in nats [N] of samples [N, ...].</summary>
    /// <param name="x">Samples.</param>
    /// <param name="context">Condition of the model: features [N, C], or class labels int64 [N].</param>
    public abstract Tensor LogProb(Tensor x, Tensor? context = null);

    /// <summary>The latents [N, ...] of samples.</summary>
    public abstract Tensor Encode(Tensor x, Tensor? context = null);

    /// <summary>The samples of latents: the inverse of <see cref="Encode"/>.</summary>
    public abstract Tensor Decode(Tensor z, Tensor? context = null);

    /// <summary>Draws samples; a temperature below 1 draws nearer the modes.</summary>
    public abstract Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null);

    /// <summary>The negative log-likelihood of a batch in nats, averaged: what training minimises.</summary>
    public Tensor Loss(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        return (-LogProb(x, context).mean()).MoveToOuterDisposeScope();
    }

    /// <summary>Decodes <paramref name="steps"/> points between the latents of two batches of samples: [steps, N, ...].</summary>
    public Tensor Interpolate(Tensor from, Tensor to, int steps, Tensor? context = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 2);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor a = Encode(from, context), b = Encode(to, context);
        return stack(Enumerable.Range(0, steps).Select(i => Decode(a + (b - a) * ((double)i / (steps - 1)), context))).MoveToOuterDisposeScope();
    }

    /// <summary>Bits per dimension of data with the given number of levels that was scaled to [0, 1]: -log p / (D ln 2) + log2(levels).</summary>
    /// <param name="logProb">Log-densities in nats, of the scaled data.</param>
    /// <param name="dimensions">Values a sample, D.</param>
    /// <param name="levels">Levels a value, 256 for bytes.</param>
    public static double BitsPerDimension(double logProb, long dimensions, double levels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimensions, 1);
        if (!(levels > 0)) throw new ArgumentOutOfRangeException(nameof(levels), levels, "Must be greater than 0.");
        return -logProb / (dimensions * Math.Log(2)) + Math.Log2(levels);
    }
}

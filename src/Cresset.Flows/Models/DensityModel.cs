using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// A model with exact likelihood and an invertible latent: vector flows, image flows, continuous flows. The models of this library take
/// samples of any batch shape [..., event], one event alone too, and contexts that broadcast to them: one context serves many samples.
/// </summary>
public abstract class DensityModel : nn.Module
{
    /// <summary>For derived classes, which register their components themselves.</summary>
    protected DensityModel(string name)
        : base(name)
    {
    }

    /// <summary>Log-density in nats [N] of samples [N, ...]; of samples [..., event] in their batch shape.</summary>
    /// <param name="x">Samples.</param>
    /// <param name="context">Condition of the model: features [N, C], or class labels int64 [N]; one row serves all samples.</param>
    /// <exception cref="ArgumentException">A value is not finite, of another type than the model, or a context is given that nothing
    /// takes.</exception>
    public abstract Tensor LogProb(Tensor x, Tensor? context = null);

    /// <summary>The latents [N, ...] of samples.</summary>
    public abstract Tensor Encode(Tensor x, Tensor? context = null);

    /// <summary>The samples of latents: the inverse of <see cref="Encode"/>.</summary>
    public abstract Tensor Decode(Tensor z, Tensor? context = null);

    /// <summary>Draws samples; a temperature below 1 draws nearer the modes.</summary>
    /// <param name="count">Number of samples.</param>
    /// <param name="context">One condition for all samples, or one for each.</param>
    /// <param name="temperature">Scales the spread of the latents.</param>
    /// <param name="generator">Source of randomness.</param>
    public abstract Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null);

    /// <summary>Draws samples with gradients to the parameters and the context (the reparametrisation trick).</summary>
    /// <exception cref="NotSupportedException">The model has no such draw.</exception>
    public virtual Tensor RSample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
        => throw new NotSupportedException($"{GetName()} draws without gradients alone: use Sample.");

    /// <summary>
    /// Draws samples with gradients and their log-density [N] under the model (at temperature 1), in one pass where the model can.
    /// </summary>
    public virtual (Tensor Samples, Tensor LogDensity) SampleWithLogDensity(long count, Tensor? context = null, double temperature = 1,
        Generator? generator = null)
    {
        var samples = Sample(count, context, temperature, generator);
        return (samples, LogProb(samples, context));
    }

    /// <summary>
    /// What training minimises, averaged over a batch: the negative log-likelihood in nats, and the regularisers of a model that has some.
    /// </summary>
    public virtual Tensor Loss(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        return (-LogProb(x, context).mean()).MoveToOuterDisposeScope();
    }

    /// <summary>Decodes <paramref name="steps"/> points between the latents of two batches of samples: [steps, N, ...].</summary>
    public Tensor Interpolate(Tensor from, Tensor to, int steps, Tensor? context = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 2);
        if (!from.shape.SequenceEqual(to.shape))
            throw Cresset.Tensors.Shape.Wrong(to, $"{Cresset.Tensors.Shape.Text(from)}, that of the samples to come from",
                "Each sample has one to go to.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor a = Encode(from, context), b = Encode(to, context);
        return stack(Enumerable.Range(0, steps).Select(i => Decode(a + (b - a) * ((double)i / (steps - 1)), context)))
            .MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Bits per dimension of data with the given number of levels that was scaled to [0, 1]: -log p / (D ln 2) + log2(levels).
    /// </summary>
    /// <param name="logProb">Log-densities in nats, of the scaled data.</param>
    /// <param name="dimensions">Values per sample, D.</param>
    /// <param name="levels">Levels per value, 256 for bytes.</param>
    public static double BitsPerDimension(double logProb, long dimensions, double levels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimensions, 1);
        if (!(levels > 0)) throw new ArgumentOutOfRangeException(nameof(levels), levels, "Must be greater than 0.");
        return -logProb / (dimensions * Math.Log(2)) + Math.Log2(levels);
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>The distribution of the latent.</summary>
public abstract class BaseDistribution : nn.Module
{
    /// <summary>For derived classes, which register their components themselves.</summary>
    protected BaseDistribution(string name)
        : base(name)
    {
    }

    /// <summary>Whether the distribution reads a context; one that does not refuses it.</summary>
    public virtual bool TakesContext => true;

    /// <summary>Dimensions of one latent; null where a derived class does not say.</summary>
    public virtual int? EventDimensions => null;

    // A tensor of the distribution, for its type and place.
    internal virtual Tensor? Like => null;

    /// <summary>Log-density [N] of latents [N, ...].</summary>
    /// <param name="z">Latents.</param>
    /// <param name="context">Class labels int64 [N] for class-conditional distributions, features [N, C] for conditional ones; others
    /// refuse it.</param>
    public abstract Tensor LogProb(Tensor z, Tensor? context = null);

    /// <summary>Draws latents [count, ...]; the spread is scaled by <paramref name="temperature"/>.</summary>
    public abstract Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null);

    /// <summary>Throws where a distribution that reads no context is given one.</summary>
    /// <exception cref="ArgumentException">A context is given.</exception>
    protected void RefuseContext(Tensor? context)
    {
        if (context is null) return;
        throw new ArgumentException(
            $"{GetType().Name} takes no context, and one of shape {Cresset.Tensors.Shape.Text(context)} is given. Leave it out, or take "
                + $"ClassConditionalNormal or ConditionalNormal.", nameof(context));
    }

    /// <summary>Throws when a temperature is negative or not finite.</summary>
    protected internal static double Check(double temperature)
        => temperature >= 0 && double.IsFinite(temperature) ? temperature
            : throw new ArgumentOutOfRangeException(nameof(temperature), temperature, "The temperature must be finite and at least 0.");
}

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

    /// <summary>Log-density [N] of latents [N, ...].</summary>
    /// <param name="z">Latents.</param>
    /// <param name="context">Class labels int64 [N] for class-conditional distributions; others ignore it.</param>
    public abstract Tensor LogProb(Tensor z, Tensor? context = null);

    /// <summary>Draws latents [count, ...]; the spread is scaled by <paramref name="temperature"/>.</summary>
    public abstract Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null);

    /// <summary>Throws when a temperature is not positive.</summary>
    protected static double Check(double temperature)
        => temperature >= 0 && double.IsFinite(temperature) ? temperature : throw new ArgumentOutOfRangeException(nameof(temperature), temperature, "The temperature must be at least 0.");
}

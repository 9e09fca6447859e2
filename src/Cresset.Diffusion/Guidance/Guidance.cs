using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Combines the velocities of one step.</summary>
internal static class Guidance
{
    /// <summary>The guided velocity of step <paramref name="step"/>.</summary>
    public static Tensor Combine(GuidanceOptions options, Tensor unconditional, Tensor conditional, int step)
    {
        using var scope = NewDisposeScope();
        Tensor guided;
        if (options.ZeroStar)
        {
            if (step < options.ZeroSteps) return zeros_like(conditional).MoveToOuterDisposeScope();
            // Per sample, the multiple of the unconditional velocity nearest to the conditional one.
            Tensor c = conditional.flatten(1), u = unconditional.flatten(1);
            var factor = (c * u).sum(1).div(u.square().sum(1) + 1e-8).view(-1, 1, 1, 1);
            var projected = unconditional * factor;
            guided = projected + ((conditional - projected) * options.Scale);
        }
        else
        {
            guided = unconditional + ((conditional - unconditional) * options.Scale);
        }
        if (options.Rescale > 0)
        {
            var rescaled = guided * (Spread(conditional) / Spread(guided));
            guided = (rescaled * options.Rescale) + (guided * (1 - options.Rescale));
        }
        return guided.MoveToOuterDisposeScope();
    }

    /// <summary>True when step <paramref name="step"/> of <paramref name="steps"/> is inside the skip-layer window.</summary>
    public static bool Skips(GuidanceOptions options, int step, int steps)
        => options.IsOn && options.SkipLayers.Count > 0 && step > steps * options.SkipStart && step < steps * options.SkipStop;

    private static Tensor Spread(Tensor x) => x.std([1, 2, 3], keepdim: true);
}

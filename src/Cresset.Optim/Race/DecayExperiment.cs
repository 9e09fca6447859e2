using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Optim;

/// <summary>What weight decay left of a weight.</summary>
/// <param name="GradientScale">Standard deviation of the weight's gradients.</param>
/// <param name="Coupled">Mean weight after Adam with L2.</param>
/// <param name="Decoupled">Mean weight after AdamW.</param>
public sealed record DecayResult(double GradientScale, double Coupled, double Decoupled);

/// <summary>
/// The difference between Adam's and AdamW's decay in one experiment: weights start at 1 and see pure noise as gradients, small for some,
/// large for others; nothing but the decay moves their mean. AdamW shrinks all by (1 - lr decay)^steps; Adam divides the decay by the size
/// of the gradients.
/// </summary>
public static class DecayExperiment
{
    /// <summary>Runs both optimizers over <paramref name="copies"/> weights per scale.</summary>
    /// <param name="scales">Standard deviations of the gradients.</param>
    /// <param name="steps">Steps.</param>
    /// <param name="rate">Learning rate.</param>
    /// <param name="decay">Weight decay.</param>
    /// <param name="copies">Weights averaged for each scale.</param>
    /// <param name="seed">Seed of the noise; both see the same.</param>
    public static IReadOnlyList<DecayResult> Run(IReadOnlyList<double> scales, int steps = 1000, double rate = 1e-3, double decay = 0.5,
        int copies = 2000, ulong seed = 1)
    {
        ArgumentNullException.ThrowIfNull(scales);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(copies, 1);
        var coupled = Means(p => new Optimizer(Group(p), new AdamRule { LearningRate = rate, WeightDecay = decay }));
        var decoupled = Means(p => new Optimizer(Group(p), new AdamWRule { LearningRate = rate, WeightDecay = decay }));
        return [.. scales.Select((s, i) => new DecayResult(s, coupled[i], decoupled[i]))];

        double[] Means(Func<Parameter, Optimizer> create)
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator(seed);
            using var p = new Parameter(ones(scales.Count, copies));
            using var optimizer = create(p);
            var sizes = tensor(scales.Select(s => (float)s).ToArray()).reshape(-1, 1);
            for (var t = 0; t < steps; t++)
            {
                using var inner = NewDisposeScope();
                p.grad = randn([scales.Count, copies], generator: generator) * sizes;
                optimizer.Step();
            }
            p.grad = null;
            return [.. p.detach().to(ScalarType.Float64).mean([1]).data<double>().ToArray()];
        }

        static ParameterGroupSpec[] Group(Parameter p) => [new("weights", [new NamedParameter("w", p)])];
    }
}

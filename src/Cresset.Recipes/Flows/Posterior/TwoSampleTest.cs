using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// The classifier two-sample test (Lopez-Paz and Oquab 2017) as the benchmark of simulation-based inference runs it (Lueckmann et al.
/// 2021): how often a perceptron with two hidden layers of 10 D tells held-out samples of two sets apart. 0.5 where it cannot, 1 where it
/// always does.
/// </summary>
internal static class TwoSampleTest
{
    private const int BatchSize = 200, MostRounds = 1000, Patience = 10;
    private const double Rate = 1e-3, Beta1 = 0.9, Beta2 = 0.999, Decay = 1e-4, Tolerance = 1e-4;

    /// <summary>The accuracy in cross-validation.</summary>
    /// <param name="x">Samples [N, D]; both sets are scaled by its mean and deviation.</param>
    /// <param name="y">Other samples [M, D], about as many.</param>
    /// <param name="generator">Draws folds, weights and batches.</param>
    /// <param name="folds">Parts, each of which is held out once.</param>
    /// <param name="cancellation">Stops between two rounds of training.</param>
    public static double Accuracy(Tensor x, Tensor y, Generator generator, int folds = 5, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        ArgumentNullException.ThrowIfNull(generator);
        ArgumentOutOfRangeException.ThrowIfLessThan(folds, 2);
        Shape.Expect(x, "N D");
        Shape.Expect(y, "M D", ("D", x.size(1)));
        if (x.size(0) < folds || y.size(0) < folds)
            throw new ArgumentException($"{x.size(0)} and {y.size(0)} samples are too few for {folds} folds.", nameof(x));
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        var (mean, deviation) = (x.mean([0L], keepdim: true), x.std(0, keepdim: true) + 1e-12);
        var all = ((cat([x, y]) - mean) / deviation).to(ScalarType.Float32).detach();
        if (!all.isfinite().all().ToBoolean()) throw new ArgumentException("The samples hold values that are not finite.", nameof(x));
        var labels = cat([zeros(x.size(0)), ones(y.size(0))]);
        var order = randperm(all.size(0), generator: generator);
        var parts = order.tensor_split(folds);
        var right = 0.0;
        for (var fold = 0; fold < folds; fold++)
        {
            using var round = NewDisposeScope();
            var learned = cat([.. parts.Where((_, i) => i != fold)]);
            var weights = Train(all.index_select(0, learned), labels.index_select(0, learned), generator, cancellation);
            using var quiet = no_grad();
            var said = Logits(weights, all.index_select(0, parts[fold])) > 0;
            right += said.eq(labels.index_select(0, parts[fold]) > 0.5).to(ScalarType.Float64).sum().ToDouble();
        }
        return right / all.size(0);
    }

    private static Tensor Logits(Tensor[] w, Tensor x)
    {
        var h = nn.functional.linear(nn.functional.linear(x, w[0], w[1]).relu(), w[2], w[3]).relu();
        return nn.functional.linear(h, w[4], w[5]).squeeze(1);
    }

    private static Tensor[] Train(Tensor inputs, Tensor labels, Generator generator, CancellationToken cancellation)
    {
        long features = inputs.size(1), width = 10 * features, count = inputs.size(0);
        Tensor[] weights = [.. new[] { (width, features), (width, width), (1L, width) }.SelectMany(s =>
        {
            var bound = Math.Sqrt(6.0 / (s.Item1 + s.Item2));
            Tensor Drawn(params long[] shape) => ((rand(shape, generator: generator) * (2 * bound)) - bound).detach().requires_grad_(true);
            return new[] { Drawn(s.Item1, s.Item2), Drawn(s.Item1) };
        })];
        Tensor[] first = [.. weights.Select(w => zeros_like(w))], second = [.. weights.Select(w => zeros_like(w))];
        var (best, stale, steps) = (double.PositiveInfinity, 0, 0);
        for (var round = 0; round < MostRounds && stale < Patience; round++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var pass = NewDisposeScope();
            var sum = zeros(1);
            foreach (var batch in randperm(count, generator: generator).split(BatchSize))
            {
                using var step = NewDisposeScope();
                var size = batch.size(0);
                var decay = (weights[0].square().sum() + weights[2].square().sum() + weights[4].square().sum()) * (0.5 * Decay / size);
                var loss = nn.functional.binary_cross_entropy_with_logits(Logits(weights, inputs.index_select(0, batch)),
                    labels.index_select(0, batch)) + decay;
                var gradients = Derivatives.Of([loss], weights);
                using var quiet = no_grad();
                steps++;
                var rate = Rate * Math.Sqrt(1 - Math.Pow(Beta2, steps)) / (1 - Math.Pow(Beta1, steps));
                for (var i = 0; i < weights.Length; i++)
                {
                    first[i].mul_(Beta1).add_(gradients[i]!, 1 - Beta1);
                    second[i].mul_(Beta2).addcmul_(gradients[i]!, gradients[i]!, 1 - Beta2);
                    weights[i].addcdiv_(first[i], second[i].sqrt() + 1e-8, -rate);
                }
                sum.add_(loss.detach() * size);
            }
            var mean = sum.ToDouble() / count;
            stale = mean > best - Tolerance ? stale + 1 : 0;
            best = Math.Min(best, mean);
        }
        return weights;
    }
}

using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Optim;

/// <summary>Who runs: a label, an optimizer and its options (the race chooses the rate).</summary>
/// <param name="Label">The name in tables and pictures.</param>
/// <param name="Rule">The optimizer.</param>
public sealed record RaceParticipant(string Label, OptimizerRule Rule)
{
    /// <summary>A participant by catalog name, or <c>momentum</c> for SGD with momentum 0.9.</summary>
    /// <exception cref="ArgumentException">The name is unknown.</exception>
    public static RaceParticipant Of(string name)
    {
        if (string.Equals(name, "momentum", StringComparison.OrdinalIgnoreCase)) return new("momentum", new SgdRule { Momentum = 0.9 });
        var entry = OptimizerCatalog.Find(name);
        var rule = (OptimizerRule)entry.Create() with { WeightDecay = 0 };
        return new(entry.Name, rule is LbfgsRule lbfgs ? lbfgs with { StrongWolfe = true, MaxIterations = 1 } : rule);
    }

    /// <summary>Who runs unless told otherwise.</summary>
    public static IReadOnlyList<string> Usual { get; } = ["sgd", "momentum", "adagrad", "rmsprop", "adam", "nadam", "lion",
        "schedulefree-adamw", "lbfgs"];
}

/// <summary>One participant's run.</summary>
/// <param name="Label">Who.</param>
/// <param name="Rate">The best rate of the sweep.</param>
/// <param name="Losses">The loss before every step and at the end.</param>
/// <param name="Xs">First coordinates of the path (surfaces only).</param>
/// <param name="Ys">Second coordinates of the path (surfaces only).</param>
public sealed record RaceResult(string Label, double Rate, double[] Losses, double[] Xs, double[] Ys);

/// <summary>Races of optimizers, each with the best of a few learning rates.</summary>
public static class OptimizerRace
{
    /// <summary>The rates of a sweep.</summary>
    public static IReadOnlyList<double> Rates { get; } = [1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1];

    /// <summary>
    /// Runs <paramref name="participant"/> on a surface for <paramref name="steps"/> steps with every rate and keeps the run whose last
    /// loss is lowest.
    /// </summary>
    public static RaceResult OnSurface(TestSurface surface, RaceParticipant participant, int steps,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(surface);
        ArgumentNullException.ThrowIfNull(participant);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        // A rate below 1e-3 is needed where the walls are steep and nothing scales the gradient.
        IEnumerable<double> rates = PartCatalog.NameOf(participant.Rule.GetType()) switch
        {
            "lbfgs" => [1],
            "sgd" or "asgd" or "schedulefree-sgd" => Rates.Prepend(3e-4).Prepend(1e-4),
            _ => Rates,
        };
        return Best(rates, rate => Along(surface, participant, rate, steps, cancellation));
    }

    /// <summary>
    /// Trains the same small net (two hidden layers, tanh) on a classification for <paramref name="steps"/> steps on batches of 64 (L-BFGS:
    /// on everything) with every rate;
    /// losses are on all of the data.
    /// </summary>
    /// <param name="inputs">float32 [N, D].</param>
    /// <param name="targets">int64 [N], classes from 0.</param>
    /// <param name="participant">Who runs.</param>
    /// <param name="steps">Steps, at least 1.</param>
    /// <param name="seed">Seed of weights and batches, the same for everyone.</param>
    /// <param name="cancellation">Stops the race.</param>
    public static RaceResult OnNet(Tensor inputs, Tensor targets, RaceParticipant participant, int steps, ulong seed,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentNullException.ThrowIfNull(participant);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        IEnumerable<double> rates = participant.Rule is LbfgsRule ? [1] : Rates;
        return Best(rates, rate => NetRace.Run(inputs, targets, participant, rate, steps, seed, cancellation));
    }

    private static RaceResult Best(IEnumerable<double> rates, Func<double, RaceResult> run)
        => rates.Select(run).MinBy(r => double.IsFinite(r.Losses[^1]) ? r.Losses[^1] : double.PositiveInfinity)!;

    private static RaceResult Along(TestSurface surface, RaceParticipant participant, double rate, int steps,
        CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var point = new Parameter(tensor(new[] { surface.Start.X, surface.Start.Y }));
        using var optimizer = new Optimizer([new ParameterGroupSpec("point", [new NamedParameter("point", point)])],
            participant.Rule with { LearningRate = rate });
        var (losses, xs, ys) = (new List<double>(), new List<double>(), new List<double>());
        for (var t = 0; t <= steps; t++)
        {
            cancellation.ThrowIfCancellationRequested();
            optimizer.Eval();
            var (x, y) = Read();
            optimizer.Train();
            xs.Add(x);
            ys.Add(y);
            losses.Add(surface.Value(x, y));
            if (t == steps || !double.IsFinite(losses[^1])) break;
            if (optimizer.Rule.NeedsClosure) optimizer.Step(Evaluate);
            else
            {
                Evaluate();
                optimizer.Step();
            }
        }
        point.grad = null;
        return new RaceResult(participant.Label, rate, [.. losses], [.. xs], [.. ys]);

        double Evaluate()
        {
            using var inner = NewDisposeScope();
            var (x, y) = Read();
            var (gx, gy) = surface.Gradient(x, y);
            point.grad = tensor(new[] { gx, gy });
            return surface.Value(x, y);
        }

        (double X, double Y) Read()
        {
            using var inner = NewDisposeScope();
            var values = point.detach().data<double>();
            return (values[0], values[1]);
        }
    }
}

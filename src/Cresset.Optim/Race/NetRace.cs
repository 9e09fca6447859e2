using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>One run of the small net of a race.</summary>
internal static class NetRace
{
    private const int Hidden = 32, BatchSize = 64;

    public static RaceResult Run(Tensor inputs, Tensor targets, RaceParticipant participant, double rate, int steps, ulong seed,
        CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed);
        using var net = Sequential(
            Linear(inputs.size(1), Hidden), Tanh(), Linear(Hidden, Hidden), Tanh(),
            Linear(Hidden, (long)targets.max().ToInt64() + 1));
        using (no_grad())
        {
            foreach (var p in net.parameters())
                p.copy_(p.dim() == 1 ? zeros_like(p) : randn(p.shape, generator: generator) / Math.Sqrt(p.size(1)));
        }
        using var optimizer = new Optimizer(ParameterGroups.All(net), participant.Rule with { LearningRate = rate });
        var losses = new List<double>();
        for (var t = 0; t <= steps; t++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            if (t % 10 == 0 || t == steps)
            {
                optimizer.Eval();
                using (no_grad()) losses.Add(functional.cross_entropy(net.call(inputs), targets).ToDouble());
                optimizer.Train();
                if (!double.IsFinite(losses[^1])) break;
            }
            if (t == steps) break;
            var rows = randint(inputs.size(0), [BatchSize], generator: generator, dtype: ScalarType.Int64);
            if (optimizer.Rule.NeedsClosure) optimizer.Step(() => Backward(inputs, targets));
            else
            {
                Backward(inputs.index_select(0, rows), targets.index_select(0, rows));
                optimizer.Step();
            }
        }
        optimizer.ZeroGrad();
        return new RaceResult(participant.Label, rate, [.. losses], [], []);

        double Backward(Tensor x, Tensor y)
        {
            optimizer.ZeroGrad();
            using var inner = NewDisposeScope();
            var loss = functional.cross_entropy(net.call(x), y);
            Derivatives.Backward(loss);
            return loss.ToDouble();
        }
    }
}

using System.Text.Json;
using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

/// <summary>
/// Twelve steps on a loss with gradients by autograd, against PyTorch 2.6; among them the cases that TorchSharp 0.107 has wrong.
/// </summary>
[LeakFree]
public sealed class LossDrivenReferenceTests
{
    private static readonly Dictionary<string,
        double[]> Expected =
            JsonDocument.Parse(File.ReadAllText(Repository.Reference("optim/torchsharp-cases.json"))).RootElement.EnumerateArray()
        .Where(c => c.GetProperty("case").GetString()!.StartsWith("opt.", StringComparison.Ordinal))
        .ToDictionary(c => c.GetProperty("case").GetString()!,
            c => c.GetProperty("expected").EnumerateArray().Select(e => e.GetDouble()).ToArray());

    public static TheoryData<string> Names => [.. Expected.Keys];

    private static Optimizer Create(string name, IReadOnlyList<ParameterGroupSpec> g)
    {
        const double Rate = 0.05;
        return name switch
        {
            "opt.sgd" => new Optimizer(g, new SgdRule { LearningRate = Rate }),
            "opt.sgd_mom" => new Optimizer(g, new SgdRule { LearningRate = Rate, Momentum = 0.9 }),
            "opt.sgd_nest_wd" => new Optimizer(g, new SgdRule { LearningRate = Rate, Momentum = 0.9, Nesterov = true, WeightDecay = 0.1 }),
            "opt.sgd_damp" => new Optimizer(g, new SgdRule { LearningRate = Rate, Momentum = 0.9, Dampening = 0.3 }),
            "opt.sgd_max" => new Optimizer(g, new SgdRule { LearningRate = 0.01, Maximize = true }),
            "opt.adam" => new Optimizer(g, new AdamRule { LearningRate = Rate }),
            "opt.adam_wd_ams" => new Optimizer(g, new AdamRule { LearningRate = Rate, WeightDecay = 0.1, AmsGrad = true }),
            "opt.adamw" => new Optimizer(g, new AdamWRule { LearningRate = Rate, WeightDecay = 0.1 }),
            "opt.adamw_ams_max" =>
                new Optimizer(g, new AdamWRule { LearningRate = Rate, WeightDecay = 0.1, AmsGrad = true, Maximize = true }),
            "opt.adamax" => new Optimizer(g, new AdamaxRule { LearningRate = Rate, WeightDecay = 0.1 }),
            "opt.nadam" => new Optimizer(g, new NAdamRule { LearningRate = Rate, WeightDecay = 0.1 }),
            "opt.radam" => new Optimizer(g, new RAdamRule { LearningRate = Rate, WeightDecay = 0.1 }),
            "opt.rmsprop" => new Optimizer(g, new RmsPropRule { LearningRate = Rate }),
            "opt.rmsprop_c" =>
                new Optimizer(g, new RmsPropRule { LearningRate = Rate, Alpha = 0.9, WeightDecay = 0.1, Momentum = 0.9, Centered = true }),
            "opt.adagrad" =>
                new Optimizer(g,
                    new AdagradRule { LearningRate = Rate, LearningRateDecay = 0.1, WeightDecay = 0.1, InitialAccumulator = 0.2 }),
            "opt.adadelta" => new Optimizer(g, new AdadeltaRule { LearningRate = 0.5, WeightDecay = 0.1 }),
            "opt.asgd" => new Optimizer(g, new AsgdRule { LearningRate = Rate, Lambda = 0.01, WeightDecay = 0.1 }),
            "opt.rprop" => new Optimizer(g, new RpropRule { LearningRate = Rate }),
            "opt.lbfgs" => new Optimizer(g, new LbfgsRule { LearningRate = 0.5, MaxIterations = 5, GradientTolerance = 1e-5 }),
            _ => throw new NotSupportedException(name),
        };
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Agrees(string name)
    {
        var second = name == "opt.lbfgs";
        using var scope = NewDisposeScope();
        using var w = new Parameter(X(6));
        using var v = new Parameter(X(6).reshape(2, 3) * 0.5);
        var weights = X(6).abs() + 0.1;
        List<NamedParameter> named = second ? [new("w", w)] : [new("w", w), new("v", v)];
        using var optimizer = Create(name, [new ParameterGroupSpec("all", named)]);
        for (var t = 0; t < (second ? 3 : 12); t++)
        {
            if (optimizer.Rule.NeedsClosure) optimizer.Step(Backward);
            else
            {
                Backward();
                optimizer.Step();
            }
        }
        var got = second ? w.detach() : cat([w.detach(), v.detach().reshape(-1)]);
        var values = got.data<double>().ToArray();
        for (var i = 0; i < values.Length; i++) Assert.Equal(Expected[name][i], values[i], 1e-6 * Math.Max(1, Math.Abs(values[i])));
        optimizer.ZeroGrad();
        v.grad = null;

        double Backward()
        {
            optimizer.ZeroGrad();
            var loss = ((w - 0.3).pow(2) * weights).sum();
            if (!second) loss = loss + (v * 2).sin().sum() + (0.1 * v.pow(2).sum());
            loss.backward();
            return loss.ToDouble();
        }
    }

    private static Tensor X(int n) => tensor(Enumerable.Range(0, n).Select(i => 2 * Math.Sin(1.7 * i)).ToArray());
}

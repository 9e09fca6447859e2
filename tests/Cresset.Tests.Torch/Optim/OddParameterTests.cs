using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Parameters and gradients of unusual form under every rule: they are what their usual form would be.</summary>
[LeakFree]
public sealed class OddParameterTests
{
    public static TheoryData<string> Names => [.. OptimizerCatalog.Entries.Select(e => e.Name).Where(n => n != "lbfgs")];

    [Theory]
    [MemberData(nameof(Names))]
    public void GradientsOfOtherStridesAreTheSameGradients(string name)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16 })
        {
            var (start, gradient) = (randn([6, 4], generator: generator).to(type), randn([6, 4], generator: generator).to(type));
            double[] Run(Func<Tensor, Tensor> form)
            {
                using var p = new Parameter(start.clone());
                using var optimizer = OptimizerCatalog.Create(name).Build([new ParameterGroupSpec("g", [new NamedParameter("p", p)])]);
                for (var t = 0; t < 4; t++)
                {
                    p.grad = form(gradient);
                    optimizer.Step(GradientClipping.Norm(1));
                }
                p.grad = null;
                return p.detach().to(ScalarType.Float64).reshape(-1).data<double>().ToArray();
            }
            var plain = Run(g => g.clone());
            var wide = cat([gradient, gradient], 1);
            // Sums over elements of other strides are summed in another order: half-precision weights show a last digit of it, and the
            // eigenvectors that SOAP takes of nearly singular matrices more.
            var tolerance = type switch { ScalarType.Float64 => 1e-10, ScalarType.Float32 => name == "soap" ? 1e-2 : 1e-4, _ => 2e-2 };
            foreach (var other in new[] { Run(g => g.t().contiguous().t()), Run(_ => wide.narrow(1, 4, 4)) })
            {
                for (var i = 0; i < plain.Length; i++)
                {
                    Assert.True(Math.Abs(plain[i] - other[i]) <= tolerance * (1 + Math.Abs(plain[i])),
                        $"{name} {type}: {other[i]}, {plain[i]}");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ANumberAloneIsAParameter(string name)
    {
        using var scope = NewDisposeScope();
        using var p = new Parameter(tensor(3.0));
        using var empty = new Parameter(zeros([0, 3], ScalarType.Float64));
        var rule = OptimizerCatalog.Create(name);
        NamedParameter[] both = [new("p", p), new("empty", empty)];
        using var optimizer = rule.Build([new ParameterGroupSpec("g", both)]);
        using var average = new WeightAverage(both);
        for (var t = 0; t < 4; t++)
        {
            p.grad = p.detach().clone();
            empty.grad = zeros_like(empty);
            optimizer.Step(GradientClipping.Norm(1), average: average);
        }
        Assert.InRange(p.ToDouble(), -3, 3);
        using var state = optimizer.StateDict();
        using var q = new Parameter(p.detach().clone());
        using var other = new Parameter(zeros([0, 3], ScalarType.Float64));
        using var again = rule.Build([new ParameterGroupSpec("g", [new NamedParameter("p", q), new NamedParameter("empty", other)])]);
        again.LoadStateDict(state);
        using var theirs = PyTorchOptimizerState.Export(optimizer);
        using var r = new Parameter(p.detach().clone());
        using var last = new Parameter(zeros([0, 3], ScalarType.Float64));
        using var third = rule.Build([new ParameterGroupSpec("g", [new NamedParameter("p", r), new NamedParameter("empty", last)])]);
        theirs.Load(third);
        foreach (var (parameter, stepped) in new[] { (p, optimizer), (q, again), (r, third) })
        {
            parameter.grad = ones([], ScalarType.Float64);
            stepped.Step();
            parameter.grad = null;
        }
        Assert.Equal(p.ToDouble(), q.ToDouble());
        Assert.Equal(p.ToDouble(), r.ToDouble());
        empty.grad = null;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void AStateComesBackWhateverTheOrderOfParametersAndGroups(string name)
    {
        using var scope = NewDisposeScope();
        var rule = OptimizerCatalog.Create(name);
        using var one = new Quadratic(ScalarType.Float64);
        using var two = new Quadratic(ScalarType.Float64);
        using var a = new Optimizer([new ParameterGroupSpec("x", [one.Named[0], one.Named[1]])], rule);
        one.SetGradients();
        a.Step();
        // A group that joins later, whose state comes back into an optimizer that had it from the beginning, in another order.
        a.Add(new ParameterGroupSpec("y", [one.Named[2]]));
        for (var t = 0; t < 3; t++)
        {
            one.SetGradients();
            a.Step();
        }
        using var state = a.StateDict();
        two.CopyFrom(one);
        using var b = new Optimizer(
            [new ParameterGroupSpec("x", [two.Named[1], two.Named[0]]), new ParameterGroupSpec("y", [two.Named[2]])], rule);
        b.LoadStateDict(state);
        for (var t = 0; t < 3; t++)
        {
            one.SetGradients();
            a.Step();
            two.SetGradients();
            b.Step();
        }
        var (x, y) = (one.Values(), two.Values());
        // What is summed over all parameters is summed in their order.
        for (var i = 0; i < x.Length; i++) Assert.Equal(x[i], y[i], 1e-12);
        using var less = new Optimizer([new ParameterGroupSpec("x", [two.Named[0], two.Named[1]])], rule);
        Assert.Contains("more groups", Assert.Throws<ArgumentException>(() => less.LoadStateDict(state)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void AveragesOfWeightsThatWereTiedLaterComeBackToTheirOwn()
    {
        using var scope = NewDisposeScope();
        using var module = nn.Sequential(("a", nn.Linear(3, 3, hasBias: false)), ("b", nn.Linear(3, 3, hasBias: false)));
        using var average = new WeightAverage(module, new WeightAverageOptions { Decay = 0.5 });
        average.Update();
        var (a, b) = ((TorchSharp.Modules.Linear)module.children().First(), (TorchSharp.Modules.Linear)module.children().Last());
        b.weight = a.weight;
        using (no_grad()) a.weight!.fill_(2);
        average.Update();
        var own = a.weight!.detach().clone();
        average.Apply();
        Assert.False(a.weight.equal(own).all().item<bool>());
        average.Restore();
        Assert.True(a.weight.equal(own).all().item<bool>());
        Assert.True(b.weight!.equal(own).all().item<bool>());
    }

    [Fact]
    public void AveragedWeightsComeBackAfterTheModuleMoved()
    {
        using var scope = NewDisposeScope();
        using var module = nn.Linear(3, 2);
        using var average = new WeightAverage(module, new WeightAverageOptions { Decay = 0.5 });
        average.Update();
        using (no_grad()) module.weight!.fill_(2);
        average.Update();
        average.Apply();
        module.to(ScalarType.Float64);
        average.Restore();
        Assert.Equal(12, module.weight!.sum().ToDouble(), 1e-6);
        average.Update();
        Assert.Equal(ScalarType.Float64, average.Averages["weight"].dtype);
    }

    [Fact]
    public void SparseGradientsAreClippedScaledAndAveragedLikeDenseOnes()
    {
        using var scope = NewDisposeScope();
        double[] Run(bool sparse, OptimizerRule rule)
        {
            using var p = new Parameter(arange(12, ScalarType.Float64).reshape(4, 3));
            NamedParameter[] all = [new("p", p)];
            using var optimizer = rule.Build([new ParameterGroupSpec("g", all)]);
            using var average = new WeightAverage(all, new WeightAverageOptions { Decay = 0.5 });
            for (var t = 0; t < 3; t++)
            {
                // A row twice, as an embedding of a word that stands twice in a text gives it.
                var (rows, values) = (tensor(new[] { 2L, 0L, 2L }), ones([3, 3], ScalarType.Float64) * (t + 1));
                p.grad = sparse ? sparse_coo_tensor(rows.unsqueeze(0), values, [4, 3])
                    : zeros([4, 3], ScalarType.Float64).index_add_(0, rows, values, 1);
                optimizer.Step(GradientClipping.Norm(1), 0.5, average);
            }
            p.grad = null;
            return [.. p.detach().reshape(-1).data<double>(), .. average.Averages["p"].reshape(-1).data<double>()];
        }
        foreach (var rule in new OptimizerRule[] { new SgdRule { LearningRate = 0.1 }, new AdagradRule { LearningRate = 0.1 } })
        {
            var (dense, rows) = (Run(false, rule), Run(true, rule));
            for (var i = 0; i < dense.Length; i++)
                Assert.True(Math.Abs(dense[i] - rows[i]) < 1e-12, $"{rule.GetType().Name} {i}: {rows[i]}");
        }
    }
}

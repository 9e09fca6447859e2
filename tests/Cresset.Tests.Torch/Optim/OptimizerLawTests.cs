using System.Reflection;
using Cresset.Numerics;
using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Laws that hold for every optimizer; a new class that is not in the catalog fails here.</summary>
[LeakFree]
public sealed class OptimizerLawTests
{
    public static TheoryData<string> Names => [.. OptimizerCatalog.Entries.Select(e => e.Name)];

    private static TheoryData<string> Stepping => [.. OptimizerCatalog.Entries.Select(e => e.Name).Where(n => n != "lbfgs")];

    public static TheoryData<string> SteppingNames => Stepping;

    [Fact]
    public void EveryRuleIsAPart()
    {
        var rules = typeof(OptimizerRule).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(OptimizerRule)) && !t.IsAbstract).ToList();
        Assert.DoesNotContain(rules, t => OptimizerCatalog.Entries.All(e => e.Type != t));
        Assert.All(OptimizerCatalog.Entries, e => Assert.NotEmpty(e.Summary));
    }

    [Fact]
    public void ANameThatIsGoneSaysWhatToWrite()
        => Assert.Contains("write adamw with nesterov true",
            Assert.Throws<ArgumentException>(() => OptimizerCatalog.Find("nadamw")).Message, StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Names))]
    public void OptionsAreChecked(string name)
    {
        var rule = OptimizerCatalog.Create(name);
        Assert.Empty(rule.Validate());
        Assert.Contains((rule with { LearningRate = -1 }).Validate(), p => p.Field == "LearningRate");
        Assert.Contains((rule with { WeightDecay = double.NaN }).Validate(), p => p.Field == "WeightDecay");
        foreach (var beta in rule.GetType().GetProperties()
            .Where(p => p.Name is "Beta1" or "Beta2" or "Alpha" && p.DeclaringType != typeof(AsgdRule)))
        {
            var copy = rule with { };
            beta.SetValue(copy, 1.5);
            Assert.Throws<InvalidOptionsException>(() => copy.ThrowIfInvalid());
        }
    }

    [Theory]
    [MemberData(nameof(SteppingNames))]
    public void AQuadraticGetsSmaller(string name)
    {
        var rule = OptimizerCatalog.Create(name);
        using var problem = new Quadratic(ScalarType.Float32);
        using var optimizer = new Optimizer(problem.Groups,
            rule with
            {
                LearningRate = name switch
                {
                    "prodigy" => 1,
                    "sm3" => 0.5,
                    "shampoo" => 0.3,
                    "adadelta" => 5,
                    "asgd" or "sgd" => 0.2,
                    "schedulefree-sgd" => 1,
                    "muon" or "normuon" or "adamuon" => 0.1,
                    "adagrad" => 0.5,
                    "schedulefree-radam" => 0.5,
                    _ => 0.05,
                }
            });
        var first = problem.Loss();
        // The first guess of the distance is a millionth and grows by a small factor per step.
        var steps = optimizer.Rule is ProdigyRule ? 400 : 100;
        for (var t = 0; t < steps; t++)
        {
            problem.SetGradients();
            optimizer.Step();
        }
        optimizer.Eval();
        Assert.True(problem.Loss() < 0.5 * first, $"{first} to {problem.Loss()}");
    }

    [Theory]
    [MemberData(nameof(SteppingNames))]
    public void MaximizeIsMinimizeOfTheNegative(string name)
    {
        var rule = OptimizerCatalog.Create(name);
        using var down = new Quadratic(ScalarType.Float64);
        using var up = new Quadratic(ScalarType.Float64);
        using var a = new Optimizer(down.Groups, rule);
        using var b = new Optimizer(up.Groups, rule with { Maximize = true });
        for (var t = 0; t < 5; t++)
        {
            down.SetGradients();
            up.SetGradients(-1);
            a.Step();
            b.Step();
        }
        Assert.Equal(down.Values(), up.Values());
    }

    [Theory]
    [MemberData(nameof(SteppingNames))]
    public void ARestoredStateContinuesBitForBit(string name)
    {
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16 })
        {
            var rule = OptimizerCatalog.Create(name);
            using var one = new Quadratic(type);
            using var a = new Optimizer(one.Groups, rule);
            for (var t = 0; t < 12; t++)
            {
                one.SetGradients();
                a.Step(GradientClipping.Norm(1));
            }
            using var state = a.StateDict();
            using var two = new Quadratic(type);
            two.CopyFrom(one);
            using var b = new Optimizer(two.Groups, rule);
            b.LoadStateDict(OptimizerState.FromMetadata(state.Tensors, state.ToMetadata()));
            for (var t = 0; t < 12; t++)
            {
                one.SetGradients();
                two.SetGradients();
                a.Step(GradientClipping.Norm(1));
                b.Step(GradientClipping.Norm(1));
            }
            Assert.Equal(one.Values(), two.Values());
            using var after = a.StateDict();
            using var again = b.StateDict();
            Assert.Equal(after.Scalars.OrderBy(s => s.Key, StringComparer.Ordinal),
                again.Scalars.OrderBy(s => s.Key, StringComparer.Ordinal));
        }
    }

    [Theory]
    [MemberData(nameof(SteppingNames))]
    public void TheResultDoesNotDependOnTheThreadsAndKernelsAgreeWithTensorOperations(string name)
    {
        var rule = OptimizerCatalog.Create(name);
        // Eigendecompositions of long dimensions would take minutes and add nothing here.
        var options = name == "shampoo" ? new ShampooRule { MaxDimension = 64 } : rule;
        double[] Run(int threads, bool fused)
        {
            using var problem = new Quadratic(ScalarType.Float32, large: true);
            using var optimizer = new Optimizer(problem.Groups, options);
            Set(optimizer, nameof(Optimizer.Threads), threads);
            Set(optimizer, nameof(Optimizer.UseFusedKernels), fused);
            using var average = new WeightAverage(problem.Named, WeightAverageOptions.Ema(0.9));
            for (var t = 0; t < 3; t++)
            {
                problem.SetGradients();
                optimizer.Step(GradientClipping.Norm(1), average: average);
            }
            var weights = problem.Values();
            average.Apply();
            return [.. weights, .. problem.Values()];
        }
        var reference = Run(1, true);
        Assert.Equal(reference, Run(2, true));
        Assert.Equal(reference, Run(5, true));
        var composed = Run(1, false);
        for (var i = 0; i < reference.Length; i++) Assert.Equal(composed[i], reference[i], 2e-6 * Math.Max(1, Math.Abs(composed[i])));

        static void Set(Optimizer optimizer, string property, object value) =>
            typeof(Optimizer).GetProperty(property)!.SetValue(optimizer, value);
    }

    [Theory]
    [MemberData(nameof(SteppingNames))]
    public void AParameterWithoutGradientIsLeftAlone(string name)
    {
        var rule = OptimizerCatalog.Create(name);
        using var problem = new Quadratic(ScalarType.Float32);
        using var optimizer = new Optimizer(problem.Groups, rule with { WeightDecay = name == "rprop" ? 0 : 0.1 });
        problem.SetGradients();
        problem.Parameters[1].grad = null;
        var before = problem.Values(1);
        optimizer.Step();
        Assert.Equal(before, problem.Values(1));
        Assert.Null(optimizer.StateOf("p1"));
        Assert.NotNull(optimizer.StateOf("p0"));
    }

    /// <summary>Every rule goes on bit for bit from its own export, options included.</summary>
    public static TheoryData<string> WithPyTorchLayout => Stepping;

    [Theory]
    [MemberData(nameof(WithPyTorchLayout))]
    public void PyTorchLayoutRoundTrips(string name)
    {
        var rule = OptimizerCatalog.Create(name);
        using var one = new Quadratic(ScalarType.Float64);
        using var a = new Optimizer(one.Groups, name == "sgd" ? new SgdRule { Momentum = 0.9 } : rule);
        for (var t = 0; t < 3; t++)
        {
            one.SetGradients();
            a.Step();
        }
        using var state = PyTorchOptimizerState.Export(a);
        Assert.Contains("\"lr\"", state.ParamGroups, StringComparison.Ordinal);
        using var two = new Quadratic(ScalarType.Float64);
        two.CopyFrom(one);
        using var b = new Optimizer(two.Groups, (name == "sgd" ? new SgdRule { Momentum = 0.9 } : rule) with { LearningRate = 0.5 });
        state.Load(b);
        Assert.Equal(a.Groups[0].LearningRate, b.Groups[0].LearningRate);
        for (var t = 0; t < 3; t++)
        {
            one.SetGradients();
            two.SetGradients();
            a.Step();
            b.Step();
        }
        Assert.Equal(one.Values(), two.Values());
    }

    [Fact]
    public void AnUnknownNameIsAnsweredWithTheNearest()
        => Assert.Contains("adamw", Assert.Throws<ArgumentException>(() => OptimizerCatalog.Find("admaw")).Message,
            StringComparison.Ordinal);
}

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
    public void Every_optimizer_and_every_options_record_is_in_the_catalog()
    {
        var types = typeof(Optimizer).Assembly.GetTypes().Where(t => !t.IsAbstract).ToList();
        var made = OptimizerCatalog.Entries.Select(Probe).ToHashSet();
        Assert.DoesNotContain(types, t => t.IsSubclassOf(typeof(Optimizer)) && !made.Contains(t));
        Assert.DoesNotContain(types, t => t.IsSubclassOf(typeof(OptimizerOptions)) && OptimizerCatalog.Entries.All(e => e.OptionsType != t));

        static Type Probe(OptimizerEntry entry)
        {
            using var p = new Parameter(zeros(2, 2));
            using var optimizer = entry.Create([new ParameterGroupSpec("g", [new NamedParameter("p", p)])], entry.Defaults);
            return optimizer.GetType();
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Options_are_checked(string name)
    {
        var entry = OptimizerCatalog.Find(name);
        Assert.Empty(entry.Defaults.Validate());
        Assert.Contains((entry.Defaults with { LearningRate = -1 }).Validate(), p => p.Field == "LearningRate");
        Assert.Contains((entry.Defaults with { WeightDecay = double.NaN }).Validate(), p => p.Field == "WeightDecay");
        foreach (var beta in entry.OptionsType.GetProperties().Where(p => p.Name is "Beta1" or "Beta2" or "Alpha" && p.DeclaringType != typeof(AsgdOptions)))
        {
            var copy = entry.Defaults with { };
            beta.SetValue(copy, 1.5);
            Assert.Throws<InvalidOptionsException>(() => copy.ThrowIfInvalid());
        }
        using var p = new Parameter(zeros(2, 2));
        Assert.Throws<ArgumentException>(() => entry.Create([new ParameterGroupSpec("g", [new NamedParameter("p", p)])], name == "sgd" ? new AdamOptions() : new SgdOptions()));
    }

    [Theory]
    [MemberData(nameof(SteppingNames))]
    public void A_quadratic_gets_smaller(string name)
    {
        var entry = OptimizerCatalog.Find(name);
        using var problem = new Quadratic(ScalarType.Float32);
        using var optimizer = entry.Create(problem.Groups, entry.Defaults with { LearningRate = name switch { "prodigy" or "adamg" or "dadapt-sgd" or "dadapt-adam" or "dadapt-lion" or "dadapt-adagrad" => 1, "adamod" => 10, "sm3" => 0.5, "shampoo" => 0.3, "adadelta" => 5, "asgd" or "sgd" => 0.2, "schedulefree-sgd" => 1, "muon" => 0.1, "adagrad" => 0.5, "schedulefree-radam" => 0.5, _ => 0.05 } });
        var first = problem.Loss();
        // The first guess of the distance is a millionth and grows by a small factor a step.
        var steps = optimizer is DistanceOptimizer ? 400 : 100;
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
    public void Maximize_is_minimize_of_the_negative(string name)
    {
        var entry = OptimizerCatalog.Find(name);
        using var down = new Quadratic(ScalarType.Float64);
        using var up = new Quadratic(ScalarType.Float64);
        using var a = entry.Create(down.Groups, entry.Defaults);
        using var b = entry.Create(up.Groups, entry.Defaults with { Maximize = true });
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
    public void A_restored_state_continues_bit_for_bit(string name)
    {
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16 })
        {
            var entry = OptimizerCatalog.Find(name);
            using var one = new Quadratic(type);
            using var a = entry.Create(one.Groups, entry.Defaults);
            for (var t = 0; t < 12; t++)
            {
                one.SetGradients();
                a.Step(GradientClipping.Norm(1));
            }
            using var state = a.StateDict();
            using var two = new Quadratic(type);
            two.CopyFrom(one);
            using var b = entry.Create(two.Groups, entry.Defaults);
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
            Assert.Equal(after.Scalars.OrderBy(s => s.Key, StringComparer.Ordinal), again.Scalars.OrderBy(s => s.Key, StringComparer.Ordinal));
        }
    }

    [Theory]
    [MemberData(nameof(SteppingNames))]
    public void The_result_does_not_depend_on_the_threads_and_kernels_agree_with_tensor_operations(string name)
    {
        var entry = OptimizerCatalog.Find(name);
        // Eigendecompositions of long dimensions would take minutes and add nothing here.
        var options = name == "shampoo" ? new ShampooOptions { MaxDimension = 64 } : entry.Defaults;
        double[] Run(int threads, bool fused)
        {
            using var problem = new Quadratic(ScalarType.Float32, large: true);
            using var optimizer = entry.Create(problem.Groups, options);
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

        static void Set(Optimizer optimizer, string property, object value) => typeof(Optimizer).GetProperty(property)!.SetValue(optimizer, value);
    }

    [Theory]
    [MemberData(nameof(SteppingNames))]
    public void A_parameter_without_gradient_is_left_alone(string name)
    {
        var entry = OptimizerCatalog.Find(name);
        using var problem = new Quadratic(ScalarType.Float32);
        using var optimizer = entry.Create(problem.Groups, entry.Defaults with { WeightDecay = name == "rprop" ? 0 : 0.1 });
        problem.SetGradients();
        problem.Parameters[1].grad = null;
        var before = problem.Values(1);
        optimizer.Step();
        Assert.Equal(before, problem.Values(1));
        Assert.Null(optimizer.StateOf("p1"));
        Assert.NotNull(optimizer.StateOf("p0"));
    }

    /// <summary>The optimizers of torch.optim with tensors or numbers for state: only these have a layout in PyTorch to read and write. LBFGS keeps its history as lists, which the layout does not hold.</summary>
    public static TheoryData<string> WithPyTorchLayout => ["sgd", "asgd", "rprop", "adagrad", "adadelta", "rmsprop", "adam", "adamax", "nadam", "radam", "adamw", "adafactor", "lamb", "lion"];

    [Theory]
    [MemberData(nameof(WithPyTorchLayout))]
    public void PyTorch_layout_round_trips(string name)
    {
        var entry = OptimizerCatalog.Find(name);
        using var one = new Quadratic(ScalarType.Float64);
        using var a = entry.Create(one.Groups, name == "sgd" ? new SgdOptions { Momentum = 0.9 } : entry.Defaults);
        for (var t = 0; t < 3; t++)
        {
            one.SetGradients();
            a.Step();
        }
        using var state = PyTorchOptimizerState.Export(a);
        Assert.Contains("\"lr\"", state.ParamGroups, StringComparison.Ordinal);
        using var two = new Quadratic(ScalarType.Float64);
        two.CopyFrom(one);
        using var b = entry.Create(two.Groups, (name == "sgd" ? new SgdOptions { Momentum = 0.9 } : entry.Defaults) with { LearningRate = 0.5 });
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
    public void An_unknown_name_is_answered_with_the_nearest()
        => Assert.Contains("adamw", Assert.Throws<ArgumentException>(() => OptimizerCatalog.Find("admaw")).Message, StringComparison.Ordinal);
}

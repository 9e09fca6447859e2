using System.Reflection;
using System.Text.Json.Nodes;
using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

/// <summary>The tables of other packages' classes: complete, and what they refuse is said.</summary>
[LeakFree]
public sealed class PackageLawTests
{
    /// <summary>Methods of ours that timm has under no class of its own; it hands PyTorch's own to PyTorch.</summary>
    private static readonly string[] NotInTimm =
    [
        "adabound", "adadelta", "adafactor", "adagrad", "adai", "adam", "adamax", "adamw4bit", "adamw8bit", "ademamix", "aggmo", "amos",
        "asgd", "came", "galore", "grokfast-adamw", "lbfgs", "lion4bit", "lion8bit", "normuon", "prodigy", "qhm", "rprop",
        "schedulefree-adamw", "schedulefree-radam", "schedulefree-sgd", "scion", "shampoo", "signsgd", "sm3", "soap", "stable-adamw",
        "tiger", "yogi",
    ];

    /// <summary>Methods of ours that pytorch_optimizer has under no class of its own.</summary>
    private static readonly string[] NotInPyTorchOptimizer =
    [
        "adafactor", "adafactor-bv", "adagrad", "adam", "adamw4bit", "adamw8bit", "asgd", "lbfgs", "lion4bit", "lion8bit", "nadam",
        "normuon", "rmsprop", "rprop",
    ];

    [Fact]
    public void EveryMethodIsInATableOrIsNotThere()
    {
        var lists = new[] { (OptimizerOrigin.Timm, NotInTimm), (OptimizerOrigin.PyTorchOptimizer, NotInPyTorchOptimizer) };
        foreach (var (origin, absent) in lists)
        {
            var known = PackageStates.Methods.Where(m => m.Origin == origin).Select(m => m.Rule)
                .Concat(PackageStates.Refused.Where(r => r.Origin == origin).Select(r => r.Rule)).ToHashSet();
            Assert.Equal(absent, OptimizerCatalog.Entries.Where(e => !known.Contains(e.Create().GetType())).Select(e => e.Name)
                .Order(StringComparer.Ordinal));
        }
        Assert.All(PackageStates.Refused, r => Assert.False(string.IsNullOrWhiteSpace(r.Reason)));
        Assert.Empty(PackageStates.Refused.Select(r => (r.Origin, r.Class))
            .Intersect(PackageStates.Methods.Select(m => (m.Origin, m.Class))));
    }

    [Fact]
    public void EveryClassHasACase()
        => Assert.Empty(PackageStates.Methods.Select(m => $"{PackageStates.NameOf(m.Origin)}/{m.Class}")
            .Except(PackageCase.Titles.Select(t => t.Split(' ')[0])));

    [Fact]
    public void EveryOptionOfARuleIsDecidedOnce()
    {
        foreach (var method in PackageStates.Methods)
        {
            var all = method.Rule.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite).Select(p => p.Name)
                .Where(n => n != nameof(OptimizerRule.LearningRate)).Order(StringComparer.Ordinal);
            // An option in this form only may come with the class's option that says so.
            Assert.Equal(all, method.Options.SelectMany(o => o.Ours).Distinct().Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void TheGuideNamesEveryClass()
    {
        var guide = File.ReadAllText(Path.Combine(Repository.Root, "docs", "optimization.md"));
        foreach (var method in PackageStates.Methods)
            Assert.Contains($"`{method.Class}`", guide, StringComparison.Ordinal);
        foreach (var refused in PackageStates.Refused)
            Assert.Contains($"`{refused.Class.Split(' ')[0]}`", guide, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("timm/Adan", "fixed_decay")]
    [InlineData("timm/AdaBelief", "rectify")]
    [InlineData("timm/Lamb", "caution")]
    [InlineData("timm/Adopt", "corrected_weight_decay")]
    [InlineData("timm/AdamP", "caution")]
    [InlineData("pytorch_optimizer/Lion", "fixed_decay")]
    [InlineData("pytorch_optimizer/Lion", "cautious")]
    [InlineData("pytorch_optimizer/Yogi", "adam_debias")]
    [InlineData("pytorch_optimizer/SOAP", "normalize_gradient")]
    [InlineData("pytorch_optimizer/Prodigy", "bias_correction")]
    [InlineData("pytorch_optimizer/MADGRAD", "weight_decouple")]
    [InlineData("pytorch_optimizer/AdaDelta", "weight_decouple")]
    public void AFormThatIsNotHereIsRefused(string title, string option)
    {
        using var scope = NewDisposeScope();
        using var run = new PackageCase(title);
        var error = Assert.Throws<ArgumentException>(() => run.With(g => g[option] = true).Load(run.Optimizer, run.Origin));
        Assert.Contains($"{option} = true", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ACorrectedDecayNeedsItsFirstRate()
    {
        using var scope = NewDisposeScope();
        using var run = new PackageCase("timm/AdamWLegacy corrected");
        Assert.Contains("make group \"first\" with that rate",
            Assert.Throws<ArgumentException>(() => run.With(g => g["initial_lr"] = 0.3).Load(run.Optimizer)).Message,
            StringComparison.Ordinal);
        run.With(g => g["initial_lr"] = 0.02).Load(run.Optimizer);
        Assert.Equal(0.02, run.Optimizer.Groups[0].InitialLearningRate);
    }

    [Fact]
    public void AFileThatCouldBeOfSeveralIsAskedFor()
    {
        using var scope = NewDisposeScope();
        using var run = new PackageCase("timm/NAdamW");
        // As timm wrote it before it had the cautious form; PyTorch's own always has amsgrad.
        var old = run.With(g =>
        {
            g.Remove("caution");
            g.Remove("corrected_weight_decay");
        });
        old.Load(run.Optimizer);
        Assert.True(((AdamWRule)run.Optimizer.Groups[0].Rule).Nesterov);
        using var lion = new PackageCase("timm/Lion");
        var both = lion.With(g =>
        {
            foreach (var key in new[] { "weight_decouple", "fixed_decay", "caution", "corrected_weight_decay", "maximize" }) g[key] = false;
            g["step"] = 5;
        });
        var message = Assert.Throws<ArgumentException>(() => both.Load(lion.Optimizer)).Message;
        Assert.Contains("timm's Lion or pytorch_optimizer's Lion", message, StringComparison.Ordinal);
        Assert.Contains("OptimizerOrigin.PyTorch, OptimizerOrigin.Timm, OptimizerOrigin.PyTorchOptimizer", message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void AClassThatDiffersIsNamedWithTheReason()
    {
        using var scope = NewDisposeScope();
        using var p = new Parameter(ones(2));
        using var optimizer = new Optimizer([new ParameterGroupSpec("g", [new NamedParameter("p", p)])], new AdaBeliefRule());
        var state = new PyTorchOptimizerState(new Dictionary<string, Tensor> { ["state.0.exp_avg"] = ones(2) },
            """
            [{"lr": 0.5, "betas": [0.8, 0.95], "weight_decay": 0.0, "weight_decouple": true, "fixed_decay": false, "rectify": false,
              "ams_bound": false, "foreach": null, "eps": 1e-16, "step": 5, "params": [0]}]
            """);
        var message = Assert.Throws<ArgumentException>(() => state.Load(optimizer)).Message;
        Assert.Contains("step = 5", message, StringComparison.Ordinal);
        Assert.Contains("timm's AdaBelief", message, StringComparison.Ordinal);
        Assert.Contains("pytorch_optimizer's AdaBelief (it adds 1e-15 under the root", message, StringComparison.Ordinal);
    }

    [Fact]
    public void ShapesThatAClassTreatsOtherwiseAreRefused()
    {
        using var scope = NewDisposeScope();
        Refused("timm/AdafactorBigVision", [9, 4], "longest dimension comes first");
        Refused("timm/Adafactor", [3, 4, 5], "factors the first two dimensions");
        Refused("pytorch_optimizer/CAME", [7], "momentum of vectors");

        static void Refused(string title, long[] shape, string reason)
        {
            using var run = new PackageCase(title);
            run.State.Load(run.Optimizer);
            using var p = new Parameter(ones(shape));
            using var optimizer = new Optimizer([new ParameterGroupSpec("g", [new NamedParameter("p", p)])], run.Optimizer.Groups[0].Rule);
            p.grad = ones(shape);
            optimizer.Step();
            p.grad = null;
            Assert.Contains(reason,
                Assert.Throws<NotSupportedException>(() => PyTorchOptimizerState.Export(optimizer, run.Origin)).Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void WhatAPackageCannotGoOnFromIsNotWritten()
    {
        using var scope = NewDisposeScope();
        using var p = new Parameter(ones(2, 3));
        Optimizer Of(OptimizerRule rule) => new([new ParameterGroupSpec("g", [new NamedParameter("p", p)])], rule);
        string Refusal(OptimizerRule rule, OptimizerOrigin origin)
        {
            using var optimizer = Of(rule);
            return Assert.Throws<NotSupportedException>(() => PyTorchOptimizerState.Export(optimizer, origin)).Message;
        }
        Assert.Contains("Maximize = True", Refusal(new LambRule { Maximize = true }, OptimizerOrigin.Timm), StringComparison.Ordinal);
        Assert.Contains("1e-15 under the root", Refusal(new AdaBoundRule(), OptimizerOrigin.PyTorchOptimizer), StringComparison.Ordinal);
        Assert.Contains("timm has no method that AdaBoundRule continues", Refusal(new AdaBoundRule(), OptimizerOrigin.Timm),
            StringComparison.Ordinal);
        // Two classes of timm continue AdamW: one of each form, none of both at once.
        var both = Refusal(new AdamWRule { Nesterov = true, AmsGrad = true }, OptimizerOrigin.Timm);
        Assert.Contains("Nesterov = True", both, StringComparison.Ordinal);
        Assert.Contains("AmsGrad = True", both, StringComparison.Ordinal);
        using var lion = Of(new LionRule());
        Assert.Contains("PyTorch has no Lion",
            Assert.Throws<NotSupportedException>(() => PyTorchOptimizerFile.Write("/dev/null", lion, OptimizerOrigin.PyTorch)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void PyTorchsOwnGoesBackAsAFileToo()
    {
        using var scope = NewDisposeScope();
        using var problem = new Quadratic(ScalarType.Float32);
        using var optimizer = new Optimizer(problem.Groups, new NAdamRule());
        for (var t = 0; t < 3; t++)
        {
            problem.SetGradients();
            optimizer.Step();
        }
        var path = Path.GetTempFileName();
        try
        {
            PyTorchOptimizerFile.Write(path, optimizer, OptimizerOrigin.PyTorch);
            using var state = PyTorchOptimizerFile.Read(path);
            Assert.Equal(ScalarType.Float32, state.Tensors["state.0.mu_product"].dtype);
            Assert.Equal(3, state.Tensors["state.2.step"].ToDouble());
            Assert.DoesNotContain("cresset", state.ParamGroups, StringComparison.Ordinal);
            using var other = new Optimizer(problem.Groups, new NAdamRule { Beta1 = 0.3 });
            state.Load(other);
            Assert.Equal(0.9, ((NAdamRule)other.Groups[0].Rule).Beta1);
            Assert.Equal(3, other.StepCount);
        }
        finally
        {
            File.Delete(path);
        }
    }
}

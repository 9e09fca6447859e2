using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Recipes;
using Cresset.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>
/// Every optimizer and schedule of the library can be said in a recipe and on the command line, with the library's own defaults.
/// </summary>
public sealed class OptimizationPartTests
{
    private static readonly RecipeCatalog Catalog = new();

    public static TheoryData<string> Optimizers() => [.. BuiltInParts.Catalog.Of("optimizer").Select(p => p.Name)];

    public static TheoryData<string> Schedules() => [.. BuiltInParts.Catalog.Of("schedule").Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Optimizers))]
    public void EveryOptimizerIsNamedTrainsAndKeepsItsDefaults(string name)
    {
        var library = (OptimizerRule)BuiltInParts.Catalog.Get("optimizer", name).Create();
        if (library.NeedsClosure)
        {
            Assert.Contains("steps on one gradient", Assert.Throws<ConfigException>(() => Resolve($"optimizer={name}")).Message,
                StringComparison.Ordinal);
            return;
        }
        var options = Resolve($"optimizer={name}");
        // AdamW is what the recipe names itself, with a rate of its own.
        if (name != "adamw")
        {
            Assert.Equal(Written(library), Written(options.Optimizer));
            Assert.Equal(Written(options), Written(FromYaml($"optimizer: {name}")));
        }
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        using var net = nn.Linear(4, 3);
        using var optimizer = options.CreateOptimizer(net);
        var schedule = options.CreateSchedule(optimizer, 10);
        var before = net.weight.detach().clone();
        for (var step = 0; step < 8; step++)
        {
            net.call(ones(2, 4)).square().sum().backward();
            optimizer.Step();
            optimizer.ZeroGrad();
            schedule.Step();
        }
        Assert.True(net.weight.isfinite().all().item<bool>());
        if (library.LearningRate > 0) Assert.False(net.weight.equal(before).all().item<bool>());
    }

    [Theory]
    [MemberData(nameof(Schedules))]
    public void EveryScheduleIsNamedAndSpansTheRun(string name)
    {
        var options = Resolve($"schedule={name}");
        Assert.IsType(BuiltInParts.Catalog.Get("schedule", name).Type, options.Schedule);
        using var net = nn.Linear(2, 2);
        using var optimizer = options.CreateOptimizer(net);
        var schedule = options.CreateSchedule(optimizer, 500);
        for (var step = 0; step < 500; step++)
        {
            Assert.All(optimizer.Groups,
                g => Assert.True(double.IsFinite(g.LearningRate) && g.LearningRate >= 0, $"rate {g.LearningRate} at step {step}"));
            schedule.Step();
        }
    }

    [Fact]
    public void PartsAndTheirOptionsAreOverriddenTogether()
    {
        var options = Resolve("optimizer=lion", "optimizer.beta1=0.95", "lr=1e-4", "schedule=wsd", "warmup_steps=10");
        var lion = Assert.IsType<LionRule>(options.Optimizer);
        Assert.Equal((0.95, 1e-4, 10), (lion.Beta1, lion.LearningRate, options.WarmupSteps));
    }

    [Fact]
    public void TheLongFormOfAPartIsAnOverrideToo()
    {
        var options = Resolve("optimizer={kind: lion, beta1: 0.95, learning_rate: 1e-4}", "optimizer.beta2=0.98");
        var lion = Assert.IsType<LionRule>(options.Optimizer);
        Assert.Equal((0.95, 0.98, 1e-4), (lion.Beta1, lion.Beta2, lion.LearningRate));
        // What the recipe says beside the keys that are given stays, unless another part begins anew.
        const string Yaml = "job: digits-classifier\noptimizer: {kind: lion, learning_rate: 1e-2, beta2: 0.9}\ntrainer: {steps: 7, "
            + "batch_size: 5}\n";
        OptimizationOptions Own(string text) => (OptimizationOptions)Parse(Yaml).Resolve([text]).Options["optimization"];
        var kept = Assert.IsType<LionRule>(Own("optimizer={beta1: 0.8}").Optimizer);
        Assert.Equal((0.8, 0.9, 1e-2), (kept.Beta1, kept.Beta2, kept.LearningRate));
        Assert.Equal(1e-2, Assert.IsType<LionRule>(Own("optimizer={kind: lion, beta1: 0.8}").Optimizer).LearningRate);
        Assert.Equal(new AdamWRule().LearningRate,
            Assert.IsType<AdamWRule>(Own("optimizer={kind: adamw, beta1: 0.8}").Optimizer).LearningRate);
        var trainer = (TrainerOptions)Parse(Yaml).Resolve(["trainer={steps: 9}"]).Options["trainer"];
        Assert.Equal((9, 5), (trainer.Steps, trainer.BatchSize));
        Assert.Contains("command line: optimization.optimizer.beta1 is 1.5",
            Assert.Throws<ConfigException>(() => Resolve("optimizer={kind: lion, beta1: 1.5}")).Message, StringComparison.Ordinal);
        Assert.Contains("command line: optimizer={kind: lion: column",
            Assert.Throws<ConfigException>(() => Resolve("optimizer={kind: lion")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("optimizer=cosine", "a schedule, not an optimizer.")]
    [InlineData("optimizer=lyon", "Did you mean 'lion'?")]
    [InlineData("optimizer=nadamw", "'nadamw' is no longer a part: write adamw with nesterov true.")]
    [InlineData("optimizer.bета1=0.9", "unknown key")]
    [InlineData("optimizer.beta1=1.5", "optimization.optimizer.beta1 is 1.5; allowed: [0, 1)")]
    [InlineData("optimization.optimizer.momentum=0.9", "unknown key 'optimization.optimizer.momentum'")]
    public void WrongPartsAreRefusedWithTheFix(string text, string message)
        => Assert.Contains(message, Assert.Throws<ConfigException>(() => Resolve(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("optimizer: adamw\n  learning_rate: 2e-3\n  weight_decay: 0.3\n  beta2: 0.98\n  schedule: cosine\n  final_share: 0.1")]
    [InlineData(
        "optimizer: adamw\n  learning_rate: 2e-3\n  weight_decay: 0.3\n  beta1: 0.9\n  beta2: 0.98\n  momentum: 0.9\n  schedule: cosine\n  "
            + "final_share: 0.1\n  warmup_steps: 0")]
    public void RecipesOfTheEarlierVersionMeanWhatTheyMeant(string section)
    {
        var options =
            (OptimizationOptions)Recipe.Parse($"job: digits-classifier\noptimization:\n  {section}\n", "r.yaml", "r", BuiltInParts.Catalog)
                .Resolve().Options["optimization"];
        var adam = Assert.IsType<AdamWRule>(options.Optimizer);
        Assert.Equal((2e-3, 0.3, 0.9, 0.98), (adam.LearningRate, adam.WeightDecay, adam.Beta1, adam.Beta2));
        Assert.Equal(new CosineSchedule { EndFactor = 0.1 }, options.Schedule);
    }

    [Fact]
    public void OverridesWinOverKeysBesideTheSectionsAndNothingIsGivenTwice()
    {
        const string Yaml = "job: digits-classifier\noptimizer: {kind: adam, learning_rate: 1e-2}\n";
        var options = (OptimizationOptions)Parse(Yaml).Resolve(["optimizer=lion", "lr=1e-4"]).Options["optimization"];
        Assert.Equal(1e-4, Assert.IsType<LionRule>(options.Optimizer).LearningRate);
        var twice = Assert.Throws<ConfigException>(() => Parse(Yaml + "optimization:\n  optimizer: sgd\n").Resolve());
        Assert.Contains("r.yaml, line 2: 'optimizer' is given twice", twice.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnEarlierSgdKeepsItsMomentumAndForgetsWhatMeantNothing()
    {
        const string Stored = "optimizer: sgd\n  learning_rate: 0.1\n  weight_decay: 0\n  beta1: 0.9\n  beta2: 0.999\n  momentum: 0.8\n  "
            + "schedule: one-cycle\n  warmup_steps: 3\n  final_share: 0";
        var options =
            (OptimizationOptions)Recipe.Parse($"job: digits-classifier\noptimization:\n  {Stored}\n", "r.yaml", "r", BuiltInParts.Catalog)
                .Resolve().Options["optimization"];
        Assert.Equal((0.1, 0.8), (options.Optimizer.LearningRate, Assert.IsType<SgdRule>(options.Optimizer).Momentum));
        Assert.False(Assert.IsType<OneCycleSchedule>(options.Schedule).CycleMomentum);
        using var net = nn.Linear(2, 2);
        using var optimizer = options.CreateOptimizer(net);
        var schedule = options.CreateSchedule(optimizer, 100);
        for (var i = 0; i < 3 + 29; i++) schedule.Step();
        Assert.Equal(0.1, optimizer.Groups[0].LearningRate, 0.002);
    }

    private static OptimizationOptions Resolve(params string[] overrides) =>
        (OptimizationOptions)Catalog.Find("digits-classifier").Resolve(overrides).Options["optimization"];

    private static string Written(object record) => ConfigYaml.Write(OptionsWriter.Write(record));

    private static OptimizationOptions FromYaml(string line)
        => (OptimizationOptions)Parse(Catalog.Find("digits-classifier").Yaml.Split("optimization:")[0] + line
            + "\noptimization:\n  schedule: {kind: one-cycle, cycle_momentum: false}\n").Resolve().Options["optimization"];

    private static Recipe Parse(string yaml) => Recipe.Parse(yaml, "r.yaml", "r", BuiltInParts.Catalog);
}

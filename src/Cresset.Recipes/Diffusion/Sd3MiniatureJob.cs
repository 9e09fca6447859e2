using Cresset.Data;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="Sd3MiniatureTask"/>.</summary>
[Part("sd3-miniature")]
internal sealed class Sd3MiniatureJob : DataJob<Sd3MiniatureOptions>, IDrawsGuided
{
    /// <inheritdoc/>
    public override string Name => "sd3-miniature";

    /// <inheritdoc/>
    public override string Summary => "Stable Diffusion 3 in miniature: draws small pictures from words.";

    /// <inheritdoc/>
    public override string Samples => "pictures for words";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults =>
        new() { Steps = 240, BatchSize = 128, EmaDecay = 0.99, EvaluateEvery = 0, PicturesEvery = 60, CheckpointEvery = 120 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults => new()
    {
        Optimizer = new AdamWRule { LearningRate = 4e-3, WeightDecay = 0, Beta2 = 0.99 },
        Schedule = new CosineSchedule { EndFactor = 0.05 },
        WarmupSteps = 20,
    };

    /// <inheritdoc/>
    // What is drawn of digits is scored by a judge, so there is no reason to hold pictures back.
    protected override DataSource DataDefaults => new DigitsData { Split = new ShareSplit { Validation = 0, Test = 0 } };

    /// <inheritdoc/>
    protected override DataUse Use(Sd3MiniatureOptions options) => new(TargetKind.Caption, NeedsPictures: true);

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(Sd3MiniatureOptions options, DataSplit data, TrainerOptions trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        return new Sd3MiniatureTask(options, data, trainer.Seed);
    }

    private protected override void Export(ITrainingTask task, JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        base.Export(task, context);
        if (((Sd3MiniatureTask)task).Model is { IsWhole: true } model) model.Save(Path.Combine(context.Folder, "pipeline"));
    }

    private protected override void Upgrade(ConfigMap recipe)
    {
        if (recipe["model"] is not ConfigMap model || model["data"] is not ConfigText { IsNull: false } named) return;
        model.Remove("data");
        recipe.Set("data", named);
        if (named.Value != "fashion") return;
        // Garments were learned from all 60,000.
        ConfigMap data = new(named.Source), split = new(named.Source);
        split.Set(ConfigMap.Kind, new ConfigText(named.Source, "given", true));
        split.Set("validation", new ConfigText(named.Source, "0", true));
        data.Set(ConfigMap.Kind, named);
        data.Set("split", split);
        recipe.Set("data", data);
    }

    /// <inheritdoc/>
    protected override Drawing Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.RefuseWhatIsNotTaken(Name, takesTemperature: false, takesConditions: true);
        var miniature = (Sd3MiniatureTask)task;
        var prompts = request.Conditions is { Count: > 0 } asked ? asked : miniature.Names;
        return miniature.Draw(prompts, request.Count > 0 ? request.Count : 10, generator, request.Guidance);
    }
}

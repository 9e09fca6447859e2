using Cresset.Data;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="PlaneFlowTask"/>.</summary>
[Part("plane-flow")]
internal sealed class PlaneFlowJob : TrainingJob<PlaneFlowOptions>, IUpgradesRecipes, IPredictingJob
{
    /// <inheritdoc/>
    public override string Name => "plane-flow";

    /// <inheritdoc/>
    public override string Summary => "A normalizing or continuous flow that learns a density in the plane.";

    /// <inheritdoc/>
    public override string Samples => "pictures of its density and samples";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults =>
        new() { Steps = 2000, BatchSize = 512, ClipNorm = 5, EvaluateEvery = 500, CheckpointEvery = 500 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults => new() { Optimizer = new AdamRule { LearningRate = 1e-3 } };

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(PlaneFlowOptions options, TrainerOptions trainer) => new PlaneFlowTask(options);

    private protected override void Export(ITrainingTask task, JobContext context)
    {
        var facts = new DataFacts
        {
            Name = "points of the plane",
            Shape = [2],
            Table = new TableFacts
            {
                Text = new CsvOptions(),
                Columns = [new TableColumn { Name = "x" }, new TableColumn { Name = "y" }]
            }
        };
        StateDict.Save(task.Module, Path.Combine(context.Folder, ModelFile.Name),
            ModelFile.Metadata(Name, context.Options<PlaneFlowOptions>("model"), facts));
    }

    Predictor IPredictingJob.Open(StoredModel stored)
        => new DensityPredictor(new DataDensity(stored.Model<PlaneFlowOptions>().Flow.Build(2), stored.Facts), stored.Facts, null);

    void IUpgradesRecipes.Upgrade(ConfigMap recipe) => OldFlowKeys.Move(recipe, 8);

    string? IUpgradesRecipes.Earlier(string key) => OldFlowKeys.Place(key);

    /// <inheritdoc/>
    protected override Drawing Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.RefuseWhatIsNotTaken(Name, takesTemperature: true, takesConditions: false);
        return ((PlaneFlowTask)task).Draw(request.Count > 0 ? request.Count : 2000, request.Temperature, generator, device);
    }
}

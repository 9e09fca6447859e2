using Cresset.Data;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Trains a classifier on any data set with classes: pictures in folders, tables, arrays.</summary>
[Part("classifier")]
internal sealed class ClassifierJob : DataJob<ClassifierOptions>, IPredictingJob
{
    /// <inheritdoc/>
    public override string Name => "classifier";

    /// <inheritdoc/>
    public override string Summary => "Tells classes apart: pictures in folders, rows of a table, arrays.";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults =>
        new() { Steps = 600, BatchSize = 32, EvaluateEvery = 50, CheckpointEvery = 50, EmaDecay = 0.99 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults => new()
    {
        Optimizer = new AdamWRule { LearningRate = 2e-3, WeightDecay = 0.02 },
        Schedule = new OneCycleSchedule(),
    };

    /// <inheritdoc/>
    protected override DataUse Use(ClassifierOptions options) => new(TargetKind.Class);

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(ClassifierOptions options, DataSplit data, TrainerOptions trainer)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(data);
        // A model that is loaded brings them.
        var (mean, deviation) = data.Facts.ArePictures && !LateExamples.Are(data) ? data.Standardization() : (null, null);
        return new ClassifierTask(Net(options.ThrowIfInvalid(), data.Facts, mean, deviation), data,
            options.Loss.WithSmoothing(options.LabelSmoothing), options.Balance);
    }

    Predictor IPredictingJob.Open(StoredModel stored) =>
        new ClassPredictor(Net(stored.Model<ClassifierOptions>(), stored.Facts), stored.Facts);

    private static TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor> Net(
        ClassifierOptions options, DataFacts facts, float[]? mean = null, float[]? deviation = null)
        => facts.ArePictures
            ? new PictureClassifier(options, facts, mean, deviation)
            : new FeatureNet(facts.Shape[0], facts.Classes.Count, options.Hidden, options.Dropout);
}

using Cresset.Data;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>A perceptron that learns a number.</summary>
internal sealed record RegressionOptions : IOptionsRecord
{
    /// <summary>Widths of the hidden layers.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [128, 128];

    /// <summary>Share of hidden units dropped in training.</summary>
    public double Dropout { get; init; }

    /// <summary>
    /// Errors above this many deviations of the target count linearly and not squared (Huber), so that outliers do not rule.
    /// </summary>
    public double Outliers { get; init; } = 1;

    /// <summary>What is minimised over the standardised target: a loss over values.</summary>
    public LossRule Loss { get; init; } = new HuberLossRule();

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Hidden is not null && Hidden.All(h => h is > 0 and <= 65536), Hidden is null ? null : string.Join(", ", Hidden),
            "widths from 1 to 65536", "", nameof(Hidden))
        .Within(Dropout, 0, 1, includeMax: false)
        .Positive(Outliers)
        .Must(Outliers == 1 || Loss == new HuberLossRule(), Outliers, "1 beside a loss of its own", "Say delta there.", nameof(Outliers))
        .Loss(Loss, LossTarget.Values);

    /// <summary>The loss with the bend of these options.</summary>
    internal LossRule Minimised() => Loss is HuberLossRule { Delta: 1 } plain ? plain with { Delta = Outliers } : Loss;
}

/// <summary>Trains a perceptron on any data set with numbers to learn.</summary>
[Part("regression")]
internal sealed class RegressionJob : DataJob<RegressionOptions>, IPredictingJob
{
    /// <inheritdoc/>
    public override string Name => "regression";

    /// <inheritdoc/>
    public override string Summary => "Learns a number from the other columns of a table, or from arrays.";

    /// <inheritdoc/>
    protected override DataSource DataDefaults => new CsvData();

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults =>
        new() { Steps = 1000, BatchSize = 32, EvaluateEvery = 50, CheckpointEvery = 50, EmaDecay = 0.99 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults =>
        new() { Optimizer = new AdamWRule { LearningRate = 2e-3, WeightDecay = 0.01 } };

    /// <inheritdoc/>
    protected override DataUse Use(RegressionOptions options) => new(TargetKind.Number, NumbersOnly: false);

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(RegressionOptions options, DataSplit data, TrainerOptions trainer) =>
        new RegressionTask(options.ThrowIfInvalid(), data);

    Predictor IPredictingJob.Open(StoredModel stored) =>
        new NumberPredictor(Net(stored.Model<RegressionOptions>(), stored.Facts), stored.Facts);

    internal static FeatureNet Net(RegressionOptions options, DataFacts facts)
        => facts.Shape.Count == 1
            ? new FeatureNet(facts.Shape[0], 1, options.Hidden, options.Dropout)
            : throw new DataMismatchException(
                $"{facts.Name}: inputs of shape [{string.Join(", ", facts.Shape)}]; a regression takes rows of numbers.");
}

using Cresset.Data;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Trains the small net that reads digits (or garments, or any small pictures with classes).</summary>
[Part("digits-classifier")]
internal sealed class DigitsClassifierJob : DataJob<DigitsClassifierOptions>, IPredictingJob
{
    /// <inheritdoc/>
    public override string Name => "digits-classifier";

    /// <inheritdoc/>
    public override string Summary => "A small convolutional net that reads 8x8 handwritten digits.";

    /// <inheritdoc/>
    protected override DataUse Use(DigitsClassifierOptions options) => new(TargetKind.Class, NeedsPictures: true);

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(DigitsClassifierOptions options, DataSplit data, TrainerOptions trainer) =>
        Create(options, data);

    internal static ClassifierTask Create(DigitsClassifierOptions options, DataSplit data)
    {
        var net = Net(options.ThrowIfInvalid(), data.Facts);
        return new ClassifierTask(net, data, options.Loss.WithSmoothing(options.LabelSmoothing), balance: false,
            (inputs, generator) => RandomAffine.Apply(inputs, options.Rotation, options.Shift, options.Stretch, generator));
    }

    Predictor IPredictingJob.Open(StoredModel stored) =>
        new ClassPredictor(Net(stored.Model<DigitsClassifierOptions>(), stored.Facts), stored.Facts);

    private static DigitsClassifierNet Net(DigitsClassifierOptions options, DataFacts facts) =>
        new(options, facts.Shape[1], facts.Shape[2], facts.Shape[0], facts.Classes.Count);
}

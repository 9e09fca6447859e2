using Cresset.Numerics;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="DigitsClassifierTask"/>.</summary>
[Part("digits-classifier")]
public sealed class DigitsClassifierJob : TrainingJob<DigitsClassifierOptions>
{
    /// <inheritdoc/>
    public override string Name => "digits-classifier";

    /// <inheritdoc/>
    public override string Summary => "A small convolutional net that reads 8x8 handwritten digits.";

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(DigitsClassifierOptions options, TrainerOptions trainer) => new DigitsClassifierTask(options);
}

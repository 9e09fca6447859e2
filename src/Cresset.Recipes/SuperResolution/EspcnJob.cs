using Cresset.Numerics;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="EspcnTask"/>.</summary>
[Part("espcn")]
public sealed class EspcnJob : TrainingJob<EspcnRecipeOptions>
{
    /// <inheritdoc/>
    public override string Name => "espcn";

    /// <inheritdoc/>
    public override string Summary => "Super-resolution by sub-pixel convolution on real pictures, beside bicubic enlargement.";

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(EspcnRecipeOptions options, TrainerOptions trainer) => new EspcnTask(options);
}

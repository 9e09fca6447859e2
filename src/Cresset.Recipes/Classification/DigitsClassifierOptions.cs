using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>The small convolutional net that reads 8x8 digits.</summary>
internal sealed record DigitsClassifierOptions : IOptionsRecord
{
    /// <summary>Channels of the first convolutions; the later ones have twice as many.</summary>
    public int Width { get; init; } = 32;

    /// <summary>Width of the last hidden layer.</summary>
    public int Hidden { get; init; } = 128;

    /// <summary>Share of hidden units dropped in training.</summary>
    public double Dropout { get; init; } = 0.3;

    /// <summary>Largest random turn in training, in degrees.</summary>
    public double Rotation { get; init; } = 12;

    /// <summary>Largest random shift in training, in pixels.</summary>
    public double Shift { get; init; } = 0.8;

    /// <summary>Largest random change of size and slant in training, as a share.</summary>
    public double Stretch { get; init; } = 0.15;

    /// <summary>Share of the target given to the other classes, by cross-entropy that has no smoothing of its own.</summary>
    public double LabelSmoothing { get; init; } = LossChecks.UsualSmoothing;

    /// <summary>What is minimised: a loss over classes.</summary>
    public LossRule Loss { get; init; } = new CrossEntropyLossRule();

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Width, 1, 4096)
        .Within(Hidden, 1, 65536)
        .Within(Dropout, 0, 1, includeMax: false)
        .Within(Rotation, 0, 180)
        .Within(Shift, 0, 4)
        .Within(Stretch, 0, 0.9)
        .Smoothed(Loss, LabelSmoothing);
}

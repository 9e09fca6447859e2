using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>A classifier of pictures (a convolutional net) or of rows of numbers (a perceptron); the data decide which.</summary>
internal sealed record ClassifierOptions : IOptionsRecord
{
    /// <summary>Channels of the first stage of convolutions; each stage has twice as many as the one before.</summary>
    public int Width { get; init; } = 32;

    /// <summary>
    /// Stages of convolutions, each of which halves the picture; 0 goes on until a side is 4 pixels or less, so that the last one sees
    /// whole things.
    /// </summary>
    public int Stages { get; init; }

    /// <summary>Widths of the hidden layers for rows of numbers.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [128, 128];

    /// <summary>Share of hidden units dropped in training.</summary>
    public double Dropout { get; init; } = 0.2;

    /// <summary>Share of the target given to the other classes, by cross-entropy that has no smoothing of its own.</summary>
    public double LabelSmoothing { get; init; } = LossChecks.UsualSmoothing;

    /// <summary>What is minimised: a loss over classes.</summary>
    public LossRule Loss { get; init; } = new CrossEntropyLossRule();

    /// <summary>Let rare classes count more, so that all classes weigh the same.</summary>
    public bool Balance { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Width, 1, 4096)
        .Within(Stages, 0, 8)
        .Must(Hidden is not null && Hidden.All(h => h is > 0 and <= 65536), Hidden is null ? null : string.Join(", ", Hidden),
            "widths from 1 to 65536", "", nameof(Hidden))
        .Within(Dropout, 0, 1, includeMax: false)
        .Smoothed(Loss, LabelSmoothing);
}

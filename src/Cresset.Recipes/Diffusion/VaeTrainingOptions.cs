using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>An autoencoder of Stable Diffusion's class and how it is trained.</summary>
internal sealed record VaeTrainingOptions : IOptionsRecord
{
    /// <summary>Channels of each resolution, from the picture's down; each but the last halves the sides.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [8, 32];

    /// <summary>Channels of the latent.</summary>
    public int LatentChannels { get; init; } = 2;

    /// <summary>Residual blocks a resolution in the encoder; the decoder has one more.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>Groups of the normalisations.</summary>
    public int Groups { get; init; } = 8;

    /// <summary>What tells a picture from its rebuilt one, both in -1..1: a loss over values.</summary>
    public LossRule Loss { get; init; } = new AbsoluteLossRule();

    /// <summary>
    /// Weight of the divergence from the standard normal, in nats a number of the latent. The larger it is, the less a latent says and the
    /// more noise the decoder bears.
    /// </summary>
    public double Divergence { get; init; } = 0.02;

    /// <summary>The autoencoder's sizes for pictures of a data set.</summary>
    internal VaeOptions Net(int imageChannels, int side) => new()
    {
        ImageChannels = imageChannels,
        LatentChannels = LatentChannels,
        BlockChannels = Channels,
        LayersPerBlock = Layers,
        NormGroups = Groups,
        SampleSize = side,
        ScalingFactor = 1,
        ShiftFactor = 0,
    };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Channels is { Count: >= 1 and <= 6 } && Groups > 0 && Channels.All(c => c > 0 && c % Groups == 0),
            Channels is null ? null : string.Join(", ", Channels), $"1 to 6 multiples of groups ({Groups})", field: nameof(Channels))
        .Within(LatentChannels, 1, 64)
        .Within(Layers, 1, 8)
        .Positive(Groups)
        .Loss(Loss, LossTarget.Values)
        .Must(double.IsFinite(Divergence) && Divergence >= 0, Divergence, "0 or more", field: nameof(Divergence));
}

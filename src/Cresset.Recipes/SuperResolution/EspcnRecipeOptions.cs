using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>The super-resolution net and its data.</summary>
internal sealed record EspcnRecipeOptions : IOptionsRecord
{
    /// <summary>Enlargement.</summary>
    public int Scale { get; init; } = 2;

    /// <summary>Widths of the hidden layers.</summary>
    public IReadOnlyList<int> Features { get; init; } = [64, 32];

    /// <summary>The activation.</summary>
    public ActivationOptions Activation { get; init; } = new TanhActivation();

    /// <summary>Learn the difference to the bicubic enlargement.</summary>
    public bool Residual { get; init; }

    /// <summary>Edge of the large training patches, a multiple of the scale.</summary>
    public int Patch { get; init; } = 48;

    /// <summary>What is minimised, times 1000: a loss over values.</summary>
    public LossRule Loss { get; init; } = new SquaredLossRule();

    /// <summary>Pictures held out for evaluation.</summary>
    public IReadOnlyList<string> HeldOut { get; init; } = ["camera", "chelsea", "clock", "coffee"];

    /// <summary>The net's own options.</summary>
    public EspcnOptions Net() => new() { Scale = Scale, Features = Features, Activation = Activation, Residual = Residual };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Nested(Net(), "net")
        .Loss(Loss, LossTarget.Values)
        .Must(Patch >= 8 && Scale > 0 && Patch % Scale == 0, Patch, "8 or more, a multiple of the scale")
        .Must(HeldOut is { Count: > 0 } && HeldOut.All(RealPictures.Names.Contains) && HeldOut.Count < RealPictures.Names.Count,
            HeldOut is null ? null : string.Join(", ", HeldOut), "some, not all, of " + string.Join(", ", RealPictures.Names), "",
            nameof(HeldOut));
}

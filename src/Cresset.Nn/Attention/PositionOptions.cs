using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>How a transformer knows the order of its tokens.</summary>
[PartKind("position")]
public abstract record PositionOptions : IOptionsRecord
{
    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];
}

/// <summary>A learned vector for each place, added to the token's (GPT-2).</summary>
[Part("learned", "Gehring et al. 2017, arXiv:1705.03122")]
public sealed record LearnedPositions : PositionOptions;

/// <summary>Queries and keys turn with their place, so that a product depends on the distance alone.</summary>
[Part("rotary", "Su et al. 2021, arXiv:2104.09864")]
public sealed record RotaryPositions : PositionOptions
{
    /// <summary>The slowest turn takes about 2 pi times as many tokens.</summary>
    public double Base { get; init; } = 10_000;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().Must(Base > 1 && double.IsFinite(Base), Base, "a number above 1", field: nameof(Base));

    /// <summary>
    /// Cosines and sines of the angles [count, dim] for the places <paramref name="first"/> and on, each frequency twice: as LLaMA lays
    /// them out.
    /// </summary>
    internal (Tensor Cosine, Tensor Sine) Tables(long first, long count, long dim, Tensor like)
    {
        using var scope = NewDisposeScope();
        // float32 holds places up to 2^24 exactly; half types would not hold 257.
        var frequencies = (arange(0, dim, 2, dtype: ScalarType.Float32, device: like.device) * (-Math.Log(Base) / dim)).exp();
        var angles = arange(first, first + count, dtype: ScalarType.Float32, device: like.device).unsqueeze(1) * frequencies;
        var both = cat([angles, angles], 1);
        return (both.cos().to(like.dtype).MoveToOuterDisposeScope(), both.sin().to(like.dtype).MoveToOuterDisposeScope());
    }

    /// <summary>Turns [N, H, L, D]: number i goes with number i + D / 2 as real and imaginary part.</summary>
    internal static Tensor Turn(Tensor x, Tensor cosine, Tensor sine)
    {
        using var scope = NewDisposeScope();
        var halves = x.chunk(2, -1);
        return ((x * cosine) + (cat([-halves[1], halves[0]], -1) * sine)).MoveToOuterDisposeScope();
    }
}

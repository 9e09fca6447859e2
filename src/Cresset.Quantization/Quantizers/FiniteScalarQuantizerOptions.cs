using System.Numerics;
using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Finite scalar quantization (Mentzer et al. 2023, arXiv:2309.15505): each number of a vector is rounded to a few levels; there is no
/// codebook to collapse.
/// </summary>
[Part("finite-scalar", "Mentzer et al. 2023, arXiv:2309.15505", Aliases = ["fsq"])]
public sealed record FiniteScalarQuantizerOptions : QuantizerOptions
{
    /// <summary>Levels of each number; the vector's width is their count and the codebook's size their product.</summary>
    public IReadOnlyList<int> Levels { get; init; } = [8, 5, 5, 5];

    /// <summary>
    /// Places levels symmetrically on [-1, 1] (stable-codec) instead of the paper's rounding, whose even counts have one more level below
    /// zero.
    /// </summary>
    public bool Symmetric { get; init; }

    /// <summary>
    /// Share of vectors that, in training, get uniform noise of one level's width instead of rounding (stable-codec's dithering); only with
    /// <see cref="Symmetric"/>.
    /// </summary>
    public double NoiseShare { get; init; }

    /// <summary>The paper's table 1: levels for about 2^<paramref name="bits"/> codes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not 8, 10, 12, 14 or 16.</exception>
    public static FiniteScalarQuantizerOptions ForBits(int bits) => new()
    {
        Levels = bits switch
        {
            8 => [8, 6, 5],
            10 => [8, 5, 5, 5],
            12 => [7, 5, 5, 5, 5],
            14 => [8, 8, 8, 6, 5],
            16 => [8, 8, 8, 5, 5, 5],
            _ => throw new ArgumentOutOfRangeException(nameof(bits), bits,
                "The paper's table has 8, 10, 12, 14 and 16 bits; give Levels for other sizes."),
        },
    };

    /// <inheritdoc/>
    public override Quantizer Build(Generator? generator = null) => new FiniteScalarQuantizer(this, generator);

    /// <summary>The least level count decides, so that no stage's range is too small for what the stage before leaves.</summary>
    internal override double StageScale(int stage) => Math.Pow(Levels.Min() - 1.0, -stage);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate()
    {
        var checks = new OptionChecks().Must(Levels is { Count: > 0 }, Levels?.Count, "at least one level count", field: nameof(Levels));
        if (Levels is not { Count: > 0 }) return checks;
        var product = BigInteger.One;
        for (var i = 0; i < Levels.Count; i++)
        {
            checks.AtLeast(Levels[i], 2, "Three and more levels train better.", $"Levels[{i}]");
            product *= Math.Max(1, Levels[i]);
        }
        return checks
            .Must(product <= long.MaxValue, string.Join('x', Levels), "a product up to 2^63 - 1, so that an index fits int64",
                "Use fewer numbers or levels, or a residual quantizer.", nameof(Levels))
            .Within(NoiseShare, 0, 1)
            .Must(NoiseShare == 0 || Symmetric, NoiseShare, "0 while Symmetric is false", "Dithering belongs to the symmetric form.",
                nameof(NoiseShare));
    }
}

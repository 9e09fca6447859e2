using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Lookup-free quantization: the code of a vector is the signs of its numbers (MAGVIT-v2, Yu et al. 2023).</summary>
[Part("lookup-free", "Yu et al. 2023, arXiv:2310.05737", Aliases = ["lfq"])]
public sealed record LookupFreeQuantizerOptions : QuantizerOptions
{
    /// <summary>Numbers per vector and bits an index; 2^Bits codes.</summary>
    public int Bits { get; init; } = 10;

    /// <summary>
    /// Scales vectors to length one and codes to ±1/sqrt(Bits): binary spherical quantization (Zhao et al. 2024, arXiv:2406.07548).
    /// </summary>
    public bool Spherical { get; init; }

    /// <summary>Weight of the entropy term E H(p) - DiversityGamma H(E p): sure of each vector, spread over the batch.</summary>
    public double EntropyWeight { get; init; } = 0.1;

    /// <summary>Weight of the batch's entropy inside the entropy term.</summary>
    public double DiversityGamma { get; init; } = 1;

    /// <summary>Weight of |z - sg q|².</summary>
    public double CommitmentWeight { get; init; } = 0.25;

    /// <summary>tau in p = softmax(2 tau z·c).</summary>
    public double InverseTemperature { get; init; } = 100;

    /// <summary>
    /// Bits whose joint distribution the batch's entropy uses; wider vectors are cut in groups taken as independent (BSQ uses 9). The time
    /// of a group is 2^EntropyGroupBits.
    /// </summary>
    public int EntropyGroupBits { get; init; } = 10;

    /// <summary>Binary spherical quantization with that many bits.</summary>
    public static LookupFreeQuantizerOptions BinarySpherical(int bits) => new() { Bits = bits, Spherical = true };

    /// <inheritdoc/>
    public override Quantizer Build(Generator? generator = null) => new LookupFreeQuantizer(this);

    /// <summary>Signs leave at most half a step: each stage halves it.</summary>
    internal override double StageScale(int stage) => Math.Pow(2, -stage);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Bits, 1, 62, hint: "An index holds at most 62 bits.")
        .AtLeast(EntropyWeight, 0)
        .AtLeast(DiversityGamma, 0)
        .AtLeast(CommitmentWeight, 0)
        .Positive(InverseTemperature)
        .Within(EntropyGroupBits, 1, 20);
}

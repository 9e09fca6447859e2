using Cresset.Numerics;
using Cresset.Quantization;
using static TorchSharp.torch;

namespace Cresset.Samples.OwnTask;

/// <summary>Each number of a vector rounded to a whole one.</summary>
[Part("rounding")]
public sealed record RoundingOptions : QuantizerOptions
{
    /// <summary>Numbers of a vector.</summary>
    public int Width { get; init; } = 4;

    /// <summary>The greatest whole number; the least is minus it.</summary>
    public int Most { get; init; } = 2;

    public override Quantizer Build(Generator? generator = null) => new RoundingQuantizer(this.ThrowIfInvalid());

    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Width, 1, 8).Within(Most, 1, 50);
}

internal sealed class RoundingQuantizer(RoundingOptions options) : Quantizer(nameof(RoundingQuantizer))
{
    private readonly int _levels = (2 * options.Most) + 1;

    public override long Width => options.Width;

    public override IReadOnlyList<long> CodebookSizes => [(long)Math.Pow(_levels, options.Width)];

    protected override RowResult QuantizeRows(RowBatch batch)
    {
        var rows = batch.Rows;
        var whole = rows.detach().round().clamp(-options.Most, options.Most);
        var indices = ((whole + options.Most).to(int64) * Digits(rows.device)).sum(1, keepdim: true);
        // Straight through: forward the whole numbers, backward as if nothing had been rounded.
        return new RowResult(rows + (whole - rows).detach(), indices, [new("commitment", nn.functional.mse_loss(rows, whole), 0.25)]);
    }

    // -1 stands for no code, whose value is 0.
    protected override Tensor DecodeRows(Tensor indices)
    {
        var digits = indices.clamp_min(0).div(Digits(indices.device), RoundingMode.floor).remainder(_levels);
        return (digits - options.Most).to(float32).masked_fill(indices < 0, 0);
    }

    private Tensor Digits(Device device)
        => tensor([.. Enumerable.Range(0, options.Width).Select(i => (long)Math.Pow(_levels, i))], device: device);
}

using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// A quantizer between two linear maps: narrow codes for wide vectors (ViT-VQGAN, DAC), and the way to fit FSQ and LFQ to any width. Values
/// of indices pass the outgoing map too.
/// </summary>
/// <remarks>State-dict keys: <c>project_in</c>, <c>project_out</c>, <c>inner</c>.</remarks>
public sealed class ProjectedQuantizer : Quantizer
{
    [ComponentName(Name = "project_in")]
    private readonly Linear _projectIn;
    [ComponentName(Name = "project_out")]
    private readonly Linear _projectOut;
    [ComponentName(Name = "inner")]
    private readonly Quantizer _inner;

    /// <summary>Draws the maps from the generator (seed 0 when null).</summary>
    public ProjectedQuantizer(Quantizer inner, int width, Generator? generator = null)
        : base(nameof(ProjectedQuantizer))
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        using var own = generator is null ? new Generator(0) : null;
        _projectIn = nn.Linear(width, inner.Width);
        _projectOut = nn.Linear(inner.Width, width);
        Initialize.Reset(_projectIn, generator ?? own!);
        Initialize.Reset(_projectOut, generator ?? own!);
        _inner = inner;
        Width = width;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long Width { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes => _inner.CodebookSizes;

    /// <summary>The quantizer between the maps.</summary>
    public Quantizer Inner => _inner;

    internal override bool AcceptsFewerStages => _inner.AcceptsFewerStages;

    /// <inheritdoc/>
    protected internal override RowResult QuantizeRows(RowBatch batch)
    {
        // The outgoing map learns from the values: inside, the estimator stays that of the inner quantizer even in a residual stage.
        var result = _inner.QuantizeRows(batch with { Rows = Apply(_projectIn, batch.Rows), IsStage = false });
        var values = Apply(_projectOut, result.Values);
        return result with
        {
            Values = values,
            Codes = result.Codes is null ? null : Apply(_projectOut, result.Codes),
            Gradient = StageGradient.Own,
            Error = null
        };
    }

    internal override Tensor CrossEntropyOfRows(Tensor rows, Tensor indices) => _inner.CrossEntropyOfRows(Apply(_projectIn, rows), indices);

    /// <inheritdoc/>
    protected internal override Tensor DecodeRows(Tensor indices)
    {
        using var scope = NewDisposeScope();
        var values = Apply(_projectOut, _inner.DecodeRows(indices));
        // A position without any index is nothing, not the map's bias.
        return values.masked_fill((indices < 0).all(1).unsqueeze(1), 0).MoveToOuterDisposeScope();
    }

    /// <summary>The map in the type of the vectors, whatever type the module was converted to.</summary>
    private static Tensor Apply(Linear map, Tensor rows) =>
        nn.functional.linear(rows, map.weight!.to(rows.dtype), map.bias!.to(rows.dtype));
}

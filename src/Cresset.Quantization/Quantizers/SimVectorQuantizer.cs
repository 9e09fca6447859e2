using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Nearest code among frozen random codes seen through a learned linear map: code k is W c_k.</summary>
/// <remarks>State-dict keys: <c>frozen_codebook</c>, <c>code_transform.weight</c>.</remarks>
public sealed class SimVectorQuantizer : Quantizer
{
    [ComponentName(Name = "frozen_codebook")]
    private readonly Tensor _frozen;
    [ComponentName(Name = "code_transform")]
    private readonly Linear _transform;
    private readonly SimVectorQuantizerOptions _options;
    private readonly CollapseWatch _watch;

    /// <summary>Draws the frozen codes N(0, 1/D) and the map from the generator (seed 0 when null).</summary>
    public SimVectorQuantizer(SimVectorQuantizerOptions options, Generator? generator = null)
        : base(nameof(SimVectorQuantizer))
    {
        _options = options.ThrowIfInvalid();
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        var frozenWidth = options.FrozenWidth == 0 ? options.Width : options.FrozenWidth;
        _frozen = Initialize.Normal(empty(options.Size, frozenWidth), 0, 1 / Math.Sqrt(frozenWidth), generator).DetachFromDisposeScope();
        _transform = nn.Linear(frozenWidth, options.Width, hasBias: false);
        Initialize.Reset(_transform, generator!);
        _watch = new CollapseWatch(options.Size, "Use fewer codes, or raise CodebookWeight.");
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long Width => _options.Width;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes => [_options.Size];

    /// <summary>The codes [K, D] as they stand, with gradient to the map.</summary>
    public Tensor Codes() => _transform.call(_frozen);

    internal override Tensor? Table(ScalarType type) => nn.functional.linear(_frozen.to(type), _transform.weight!.to(type));

    internal override RowResult QuantizeRows(RowBatch batch)
    {
        var codes = Table(batch.Rows.dtype)!;
        var indices = batch.Given ?? CodeSearch.Nearest(batch.Rows, codes, CodeMetric.Euclidean);
        var chosen = codes.index_select(0, indices);
        return new RowResult(
            batch.IsStage ? chosen.detach() : _options.Estimator == GradientEstimator.Rotation ? RotationTrick.Apply(batch.Rows, chosen) : StraightThrough.Apply(batch.Rows, chosen),
            indices.unsqueeze(1),
            [
                new("commitment", nn.functional.mse_loss(batch.Rows, chosen.detach()), _options.CommitmentWeight),
                new("codebook", nn.functional.mse_loss(chosen, batch.Rows.detach()), _options.CodebookWeight),
            ])
        {
            Learn = !training ? null : () => new(0, _watch.Observe(TensorSpans.Of<long>(indices.cpu().contiguous()), 0) is { } warning ? [warning] : []),
        };
    }

    internal override Tensor DecodeRows(Tensor indices)
    {
        using var scope = NewDisposeScope();
        return CodeLookup.Values(Codes(), indices.reshape(-1)).MoveToOuterDisposeScope();
    }
}

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
    private readonly nn.Module<Tensor, Tensor> _transform;
    private readonly SimVectorQuantizerOptions _options;
    private readonly CollapseWatch _watch;

    /// <summary>Draws the frozen codes N(0, 1/D) and the map from the generator (seed 0 when null).</summary>
    public SimVectorQuantizer(SimVectorQuantizerOptions options, Generator? generator = null)
        : this(options, null, generator)
    {
    }

    /// <summary>The frozen codes seen through a map of the caller's own.</summary>
    /// <param name="options">Sizes; <see cref="SimVectorQuantizerOptions.HiddenWidth"/> is not used.</param>
    /// <param name="transform">From frozen codes [K, frozen width] to codes [K, D], taken over; null for that of the options.</param>
    /// <param name="generator">Source of the frozen codes, and of the options' map.</param>
    public SimVectorQuantizer(SimVectorQuantizerOptions options, nn.Module<Tensor, Tensor>? transform, Generator? generator = null)
        : base(nameof(SimVectorQuantizer))
    {
        _options = options.ThrowIfInvalid();
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        var frozenWidth = options.FrozenWidth == 0 ? options.Width : options.FrozenWidth;
        _frozen = Initialize.Normal(empty(options.Size, frozenWidth), 0, 1 / Math.Sqrt(frozenWidth), generator).DetachFromDisposeScope();
        if (transform is null)
        {
            transform = options.HiddenWidth == 0
                ? nn.Linear(frozenWidth, options.Width, hasBias: false)
                : nn.Sequential(nn.Linear(frozenWidth, options.HiddenWidth), nn.ReLU(), nn.Linear(options.HiddenWidth, options.Width));
            Initialize.Reset(transform, generator!);
        }
        else
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            var made = transform.call(_frozen);
            if (!made.shape.SequenceEqual([options.Size, (long)options.Width]))
                throw new ArgumentException(
                    $"The transform makes {Shape.Text(made)} of frozen codes {Shape.Text(_frozen)}; codes are [{options.Size}, "
                        + $"{options.Width}].", nameof(transform));
        }
        _transform = transform;
        _watch = new CollapseWatch(options.Size, "Use fewer codes, or raise CodebookWeight.");
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long Width => _options.Width;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes => [_options.Size];

    /// <summary>The codes [K, D] as they stand, with gradient to the map.</summary>
    public Tensor Codes() => _transform.call(_frozen);

    internal override Tensor? Table(ScalarType type) =>
        _transform is Linear map && map.bias is null ? nn.functional.linear(_frozen.to(type), map.weight!.to(type)) : Codes().to(type);

    internal override Tensor? Likeness(Tensor rows) => Likeness(rows, Table(rows.dtype)!, CodeMetric.Euclidean);

    /// <inheritdoc/>
    protected internal override RowResult QuantizeRows(RowBatch batch)
    {
        var codes = Table(batch.Rows.dtype)!;
        var indices = batch.Given ?? CodeSearch.Nearest(batch.Rows, codes, CodeMetric.Euclidean);
        var chosen = codes.index_select(0, indices);
        return new RowResult(
            batch.IsStage ? chosen.detach() : _options.Estimator == GradientEstimator.Rotation ? RotationTrick.Apply(batch.Rows, chosen)
                : StraightThrough.Apply(batch.Rows, chosen),
            indices.unsqueeze(1),
            [
                new("commitment", nn.functional.mse_loss(batch.Rows, chosen.detach()), _options.CommitmentWeight),
                new("codebook", nn.functional.mse_loss(chosen, batch.Rows.detach()), _options.CodebookWeight),
            ])
        {
            Learn = !training ? null
                : () => new(0, _watch.Observe(TensorSpans.Of<long>(indices.cpu().contiguous()), 0) is { } warning ? [warning] : []),
        };
    }

    /// <inheritdoc/>
    protected internal override Tensor DecodeRows(Tensor indices)
    {
        using var scope = NewDisposeScope();
        return CodeLookup.Values(Codes(), indices.reshape(-1)).MoveToOuterDisposeScope();
    }
}

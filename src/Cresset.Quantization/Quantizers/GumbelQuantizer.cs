using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Chooses codes by a linear classifier; training samples with Gumbel noise, evaluation takes the likeliest.</summary>
/// <remarks>State-dict keys: <c>proj.weight</c>, <c>proj.bias</c>, <c>embed</c>, <c>stream.state</c>.</remarks>
public sealed class GumbelQuantizer : Quantizer
{
    [ComponentName(Name = "proj")]
    private readonly Linear _classifier;
    [ComponentName(Name = "embed")]
    private readonly Parameter _codes;
    [ComponentName(Name = "stream")]
    private readonly CountedStream _stream;
    private readonly GumbelQuantizerOptions _options;

    /// <summary>Draws weights and the noise's seed from the generator (seed 0 when null).</summary>
    public GumbelQuantizer(GumbelQuantizerOptions options, Generator? generator = null)
        : base(nameof(GumbelQuantizer))
    {
        _options = options.ThrowIfInvalid();
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        Temperature = options.Temperature;
        _classifier = nn.Linear(options.Width, options.Size);
        Initialize.Reset(_classifier, generator!);
        _codes = new Parameter(Initialize.Normal(empty(options.Size, options.Width), generator: generator));
        _codes.DetachFromDisposeScope();
        _stream = new CountedStream(generator);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long Width => _options.Width;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes => [_options.Size];

    /// <summary>Temperature of the relaxed sample, greater than 0.</summary>
    public double Temperature { get; set; }

    /// <inheritdoc/>
    protected internal override RowResult QuantizeRows(RowBatch batch)
    {
        if (!(Temperature > 0)) throw new InvalidOperationException($"Temperature is {Temperature}; it must be greater than 0.");
        var (type, rows) = (batch.Rows.dtype, batch.Rows);
        var logits = nn.functional.linear(rows, _classifier.weight!.to(type), _classifier.bias!.to(type));
        var codes = _codes.to(type);
        var log = logits.log_softmax(1);
        var divergence = (log.exp() * (log + Math.Log(_options.Size))).sum(1).mean();
        LossTerm[] terms = [new("prior", divergence, _options.PriorWeight)];
        if (!training)
        {
            var best = logits.max(1).indexes;
            return new RowResult(codes.index_select(0, best), best.unsqueeze(1), terms);
        }
        using var generator = _stream.NextGenerator();
        // Drawn in main memory: a generator belongs to one device.
        var noise =
            -(-rand(logits.shape, dtype: logits.dtype, generator: generator).to(logits.device).clamp_min(1e-20).log()).clamp_min(1e-20)
                .log();
        var soft = ((logits + noise) / Temperature).softmax(1);
        var indices = soft.detach().max(1).indexes;
        var weights = soft;
        if (_options.Hard)
            weights = zeros_like(soft).scatter_(1, indices.unsqueeze(1), ones([indices.size(0), 1], dtype: soft.dtype, device: soft.device))
                + (soft - soft.detach());
        return new RowResult(weights.MatMul(codes), indices.unsqueeze(1), terms)
        {
            Codes = codes.index_select(0, indices),
            Gradient = StageGradient.Own
        };
    }

    internal override Tensor? Likeness(Tensor rows) =>
        nn.functional.linear(rows, _classifier.weight!.to(rows.dtype), _classifier.bias!.to(rows.dtype));

    /// <inheritdoc/>
    protected internal override Tensor DecodeRows(Tensor indices) => CodeLookup.Values(_codes, indices.reshape(-1));
}

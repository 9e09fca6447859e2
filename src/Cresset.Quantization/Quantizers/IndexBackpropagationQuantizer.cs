using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>IBQ: chooses the code with the greatest inner product; the gradient reaches all codes through the softmax.</summary>
/// <remarks>Keeps an [N, K] table while gradients are recorded: that is the method. State-dict key: <c>embedding</c>.</remarks>
public sealed class IndexBackpropagationQuantizer : Quantizer
{
    [ComponentName(Name = "embedding")]
    private readonly Parameter _codes;
    private readonly IndexBackpropagationQuantizerOptions _options;

    /// <summary>Draws the codes uniformly in ±1/K from the generator (seed 0 when null).</summary>
    public IndexBackpropagationQuantizer(IndexBackpropagationQuantizerOptions options, Generator? generator = null)
        : base(nameof(IndexBackpropagationQuantizer))
    {
        _options = options.ThrowIfInvalid();
        using var own = generator is null ? new Generator(0) : null;
        _codes =
            new Parameter(
                Initialize.Uniform(empty(options.Size, options.Width), -1.0 / options.Size, 1.0 / options.Size, generator ?? own));
        _codes.DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long Width => _options.Width;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes => [_options.Size];

    /// <summary>The codes [K, D]. Owned by the module.</summary>
    public Tensor Codes => _codes;

    /// <inheritdoc/>
    protected internal override RowResult QuantizeRows(RowBatch batch)
    {
        var rows = _options.Normalize ? UnitVectors.Of(batch.Rows) : batch.Rows;
        var codes = EffectiveCodes(rows.dtype);
        var indices = CodeSearch.Nearest(rows, codes, CodeMetric.InnerProduct);
        var hard = codes.index_select(0, indices);
        if (!is_grad_enabled() || (!rows.requires_grad && !training))
            return new RowResult(hard.detach(), indices.unsqueeze(1), Terms(rows, hard, hard, null));
        var logits = rows.MatMul(codes.t());
        var soft = logits.softmax(1);
        // one-hot + soft - sg soft, times the codes: the value of the chosen code, the gradient of the mixture.
        var oneHot = zeros_like(soft).scatter_(1, indices.unsqueeze(1), ones([indices.size(0), 1], dtype: soft.dtype, device: soft.device));
        var values = (oneHot + (soft - soft.detach())).MatMul(codes);
        return new RowResult(values, indices.unsqueeze(1), Terms(rows, hard, values, logits)) { Gradient = StageGradient.Own };
    }

    internal override Tensor? Likeness(Tensor rows) =>
        Likeness(_options.Normalize ? UnitVectors.Of(rows) : rows, EffectiveCodes(rows.dtype), CodeMetric.InnerProduct);

    /// <inheritdoc/>
    protected internal override Tensor DecodeRows(Tensor indices)
    {
        using var scope = NewDisposeScope();
        return CodeLookup.Values(EffectiveCodes(_codes.dtype), indices.reshape(-1)).MoveToOuterDisposeScope();
    }

    private Tensor EffectiveCodes(ScalarType type) => _options.Normalize ? UnitVectors.Of(_codes.to(type)) : _codes.to(type);

    private List<LossTerm> Terms(Tensor rows, Tensor hard, Tensor values, Tensor? logits)
    {
        var terms = new List<LossTerm>
        {
            new("commitment", nn.functional.mse_loss(rows, hard.detach()), 1),
            new("codebook", nn.functional.mse_loss(hard, rows.detach()), _options.CodebookWeight),
            new("index", nn.functional.mse_loss(values, rows), 1),
        };
        if (logits is not null && _options.EntropyWeight > 0)
        {
            var log = (logits / _options.EntropyTemperature).log_softmax(1);
            var probabilities = log.exp();
            var mean = probabilities.mean([0]);
            var sample = -(probabilities * log).sum(1).mean();
            terms.Add(new("entropy", sample + (mean * (mean + 1e-5).log()).sum(), _options.EntropyWeight));
        }
        return terms;
    }
}

using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>How a multi-head attention layer is built.</summary>
public sealed record MultiHeadAttentionOptions : IOptionsRecord
{
    /// <summary>Number of heads; divides the width.</summary>
    public long Heads { get; init; } = 8;

    /// <summary>Width of the context for cross-attention; 0 is self-attention.</summary>
    public long ContextDim { get; init; }

    /// <summary>q, k, v have biases.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>Normalise queries and keys per head (RMS), as ViT-22B and SD3 do.</summary>
    public bool QkNorm { get; init; }

    /// <summary>Position i sees positions up to i only.</summary>
    public bool Causal { get; init; }

    /// <summary>
    /// Heads of keys and values, a divisor of <see cref="Heads"/>; 0 is as many. Fewer is grouped-query attention, 1 multi-query attention.
    /// </summary>
    public long KeyValueHeads { get; init; }

    /// <summary>Part of the attention weights dropped in training, in [0, 1).</summary>
    public double Dropout { get; init; }

    /// <summary>Fused or explicit attention.</summary>
    public AttentionPath Path { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().Positive(Heads, "", nameof(Heads)).AtLeast(ContextDim, 0L, "0 is self-attention", nameof(ContextDim))
            .Defined(Path, "", nameof(Path))
        .AtLeast(KeyValueHeads, 0L, "0 is as many as Heads", nameof(KeyValueHeads))
        .Must(KeyValueHeads <= 0 || Heads % KeyValueHeads == 0, KeyValueHeads, "a divisor of Heads", field: nameof(KeyValueHeads))
        .Within(Dropout, 0.0, 1.0, includeMax: false, field: nameof(Dropout));
}

/// <summary>
/// Multi-head attention, [N, L, dim] (and context [N, S, contextDim]) to [N, L, dim].
/// Keys: <c>to_q</c>, <c>to_k</c>, <c>to_v</c>, <c>to_out</c>, with qk norm <c>norm_q</c>, <c>norm_k</c>.
/// </summary>
public sealed class MultiHeadAttention : nn.Module<Tensor, Tensor>
{
    private static readonly AttentionKeys Keys = new("to_q", "to_k", "to_v", "to_out", "norm_q", "norm_k");

    private readonly AttentionLayers _layers;
    private readonly MultiHeadAttentionOptions _options;
    private readonly long _dim;

    /// <summary>Builds the layer for width <paramref name="dim"/>.</summary>
    /// <exception cref="ArgumentException">The heads do not divide the width, or an option is not allowed.</exception>
    public MultiHeadAttention(long dim, MultiHeadAttentionOptions? options = null, Generator? generator = null)
        : base(nameof(MultiHeadAttention))
    {
        _options = (options ?? new MultiHeadAttentionOptions()).ThrowIfInvalid();
        if (dim <= 0 || dim % _options.Heads != 0)
            throw new ArgumentException(
                $"MultiHeadAttention: width {dim} does not split into {_options.Heads} heads; take a width that is a multiple of the "
                    + $"heads.", nameof(dim));
        _dim = dim;
        _layers = new AttentionLayers(this, new(dim, _options.Heads)
        {
            Context = _options.ContextDim > 0 ? _options.ContextDim : dim,
            KeyHeads = _options.KeyValueHeads > 0 ? _options.KeyValueHeads : _options.Heads,
            QkvBias = _options.QkvBias,
            HeadNorm = _options.QkNorm ? 1e-6 : null,
        }, Keys).WithOutput();
        RegisterComponents();
        if (generator is not null) Initialize.Reset(this, generator);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => Forward(input, null);

    /// <summary>
    /// [N, L, dim], or [L, dim] for one sample, with a context [N, S, contextDim] (or [S, contextDim]) to look at (null: the input itself)
    /// and an optional mask, see <see cref="Attention.ScaledDotProduct"/>.
    /// </summary>
    public Tensor Forward(Tensor input, Tensor? context, Tensor? mask = null)
    {
        using var scope = NewDisposeScope();
        if (input.dim() == 2)
        {
            // One sample without its dimension, as PyTorch takes it.
            return Forward(input.unsqueeze(0), context?.unsqueeze(0), mask).squeeze(0).MoveToOuterDisposeScope();
        }
        Shape.Expect(input, "N L D", ("D", _dim));
        var (q, k, v) = _layers.Heads(input, context);
        var y = Attention.ScaledDotProduct(q, k, v, mask, _options.Causal, path: _options.Path, dropout: training ? _options.Dropout : 0);
        return _layers.Output(y).MoveToOuterDisposeScope();
    }
}

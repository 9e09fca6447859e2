using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A decoder-only transformer (Radford et al. 2019; Touvron et al. 2023): token ids int64 [N, L] to scores of the next token [N, L,
/// vocabulary].
/// Keys as Hugging Face's LLaMA without <c>model.</c>: <c>embed_tokens</c>, <c>layers.0.self_attn.q_proj</c>, <c>norm</c>, <c>lm_head</c>;
/// learned positions are <c>embed_positions</c>.
/// </summary>
public sealed class DecoderTransformer : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "embed_tokens")]
    private readonly Embedding _tokens;

    [ComponentName(Name = "embed_positions")]
    private readonly Embedding? _positions;

    [ComponentName(Name = "layers")]
    private readonly ModuleList<TransformerBlock> _blocks;

    [ComponentName(Name = "norm")]
    private readonly nn.Module<Tensor, Tensor> _norm;

    [ComponentName(Name = "lm_head")]
    private readonly Projection? _head;

    private static readonly TransformerKeys Keys = new(
        "input_layernorm",
        new("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "self_attn.q_norm", "self_attn.k_norm"),
        "post_attention_layernorm",
        FeedForwardKeys.Llama.Under("mlp"));

    /// <summary>
    /// Builds the model with GPT-2's initial weights: normal with deviation 0.02, products that are added to the stream with 0.02 / sqrt(2
    /// layers).
    /// </summary>
    /// <param name="vocabulary">Number of tokens.</param>
    /// <param name="options">Everything else.</param>
    /// <param name="generator">Draws the weights; null takes TorchSharp's global stream.</param>
    /// <exception cref="InvalidOptionsException">An option is not allowed.</exception>
    public DecoderTransformer(long vocabulary, DecoderOptions? options = null, Generator? generator = null)
        : base(nameof(DecoderTransformer))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(vocabulary);
        Options = (options ?? new DecoderOptions()).ThrowIfInvalid();
        Vocabulary = vocabulary;
        _tokens = nn.Embedding(vocabulary, Options.Width);
        if (Options.Positions is LearnedPositions) _positions = nn.Embedding(Options.Context, Options.Width);
        _blocks =
            new ModuleList<TransformerBlock>([.. Enumerable.Range(0, Options.Layers).Select(_ => new TransformerBlock(Block(Options)))]);
        _norm = TransformerBlock.NewNorm(Options.Width, Options.Norm is RmsNormOptions, Options.NormEpsilon);
        if (!Options.Tied) _head = new Projection(Options.Width, vocabulary, false, WeightPlace.Cpu);
        RegisterComponents();
        Draw(generator);
    }

    /// <summary>How it is built.</summary>
    public DecoderOptions Options { get; }

    /// <summary>Number of tokens.</summary>
    public long Vocabulary { get; }

    /// <summary>Where the weights are.</summary>
    internal Device Place => _tokens.weight!.device;

    /// <summary>
    /// A cache for <paramref name="batch"/> texts of at most <paramref name="capacity"/> tokens (null: the context), in the type and on the
    /// device of the weights; the caller disposes it.
    /// </summary>
    public KeyValueCache NewCache(long batch = 1, long? capacity = null)
    {
        if (capacity is < 1 || capacity > Options.Context)
            throw new ArgumentOutOfRangeException(nameof(capacity), capacity, $"A cache holds 1 to {Options.Context} tokens, the context.");
        return new(Options.Layers, batch, Options.Groups, capacity ?? Options.Context, Options.ActualHeadWidth, _tokens.weight!);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => Forward(input, null);

    /// <summary>Scores of the next token after each of <paramref name="ids"/>.</summary>
    /// <param name="ids">int64 [N, L].</param>
    /// <param name="cache">The tokens before these, which takes these up; null for none.</param>
    /// <exception cref="ShapeException">More tokens than the context holds.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary (looked at on the processor).</exception>
    /// <exception cref="ArgumentException">
    /// Ids are not int64, or a cache is one of other texts or of another model, or is used where gradients are recorded.
    /// </exception>
    public Tensor Forward(Tensor ids, KeyValueCache? cache)
    {
        ArgumentNullException.ThrowIfNull(ids);
        Shape.Expect(ids, "N L");
        if (ids.dtype != ScalarType.Int64)
            throw new ArgumentException($"DecoderTransformer: token ids are {ids.dtype}; allowed: Int64.", nameof(ids));
        // On a GPU every step of a training would wait for the answer.
        if (ids.device_type == DeviceType.CPU) RowNumbers.Check(ids, Vocabulary, "the vocabulary", nameof(DecoderTransformer), nameof(ids));
        if (cache is not null && is_grad_enabled())
            throw new ArgumentException("DecoderTransformer: a cache keeps no gradients; run it under torch.no_grad().", nameof(cache));
        cache?.RefuseUnfit(Options.Layers, ids.size(0), Options.Groups, Options.ActualHeadWidth, _tokens.weight!.dtype);
        long first = cache?.Length ?? 0, count = ids.size(1);
        // A cache of a model with a longer context has more room than there are positions.
        var room = Math.Min(cache?.Capacity ?? Options.Context, Options.Context);
        if (first + count > room)
            throw new ShapeException(
                $"DecoderTransformer: {first + count} tokens, and the {(room == Options.Context ? "context" : "cache")} holds {room}.");
        if (cache is not null && count == 1 && HasTokenPass(ids.size(0))) return NextToken(ids, cache);
        using var scope = NewDisposeScope();
        var x = _tokens.call(ids);
        if (_positions is not null) x += _positions.call(arange(first, first + count, device: ids.device));
        if (Options.Dropout > 0) x = nn.functional.dropout(x, Options.Dropout, training);
        (Tensor, Tensor)? turns = Options.Positions is RotaryPositions rotary ? rotary.Tables(first, count, Options.ActualHeadWidth, x)
            : null;
        var layer = 0;
        foreach (var block in _blocks) x = block.Forward(x, causal: true, turns: turns, cache: cache, layer: layer++);
        x = _norm.call(x);
        x = _head is null ? MatrixProduct.Linear(x, _tokens.weight!) : _head.call(x);
        if (cache is not null) cache.Length += count;
        return x.MoveToOuterDisposeScope();
    }

    /// <summary>The blocks, the first at the tokens.</summary>
    internal IEnumerable<TransformerBlock> Blocks => _blocks;

    /// <summary><see cref="forward"/> that shows what stands between the layers of each feed-forward block, first block first.</summary>
    internal Tensor Watched(Tensor ids, Action<Tensor> hidden)
    {
        try
        {
            foreach (var block in _blocks) block.Parts.FeedForward.Watching = hidden;
            return call(ids);
        }
        finally
        {
            foreach (var block in _blocks) block.Parts.FeedForward.Watching = null;
        }
    }

    /// <summary>Sizes of the keys, and of the values, of <see cref="Step"/>: [N, layers, key-value heads, context, head width].</summary>
    public long[] StepShape(long batch) => [batch, Options.Layers, Options.Groups, Options.Context, Options.ActualHeadWidth];

    /// <summary>One step in tensors alone: what a program without this library repeats.</summary>
    /// <param name="tokens">The newest token of each text, int64 [N].</param>
    /// <param name="places">Its number in the text, from 0, int64 [N].</param>
    /// <param name="keys">Keys of the tokens before it, of <see cref="StepShape"/>; any finite numbers at the first.</param>
    /// <param name="values">Their values, of the same shape.</param>
    /// <returns>Scores of the next token [N, vocabulary], and keys and values for the next step.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A token is not in the vocabulary, or a place not in the context.</exception>
    public (Tensor Scores, Tensor Keys, Tensor Values) Step(Tensor tokens, Tensor places, Tensor keys, Tensor values)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        Shape.Expect(tokens, "N");
        Shape.Expect(places, "N", ("N", tokens.size(0)));
        RowNumbers.Check(tokens, Vocabulary, "the vocabulary", nameof(DecoderTransformer), nameof(tokens));
        RowNumbers.Check(places, Options.Context, "the context", nameof(DecoderTransformer), nameof(places));
        using var scope = NewDisposeScope();
        using var cache = new PlacedCache(places, keys, values, StepShape(tokens.size(0)));
        var x = _tokens.call(tokens.unsqueeze(1));
        if (_positions is not null) x += _positions.call(places.unsqueeze(1));
        (Tensor, Tensor)? turns = null;
        if (Options.Positions is RotaryPositions rotary)
        {
            var (cosine, sine) = rotary.Tables(0, Options.Context, Options.ActualHeadWidth, x);
            Tensor Here(Tensor table) => table.index_select(0, places).unsqueeze(1).unsqueeze(1);
            turns = (Here(cosine), Here(sine));
        }
        var layer = 0;
        foreach (var block in _blocks) x = block.Forward(x, turns: turns, cache: cache, layer: layer++);
        x = _norm.call(x).squeeze(1);
        x = _head is null ? MatrixProduct.Linear(x, _tokens.weight!) : _head.call(x);
        return (x.MoveToOuterDisposeScope(), cache.Keys.MoveToOuterDisposeScope(), cache.Values.MoveToOuterDisposeScope());
    }

    /// <summary>Whether the next token of so many texts with a cache takes one <see cref="TokenPass"/>.</summary>
    internal bool HasTokenPass(long texts) =>
        TokenPass.Fits(Options, _blocks, _norm, _tokens.weight!, _positions?.weight, _head, texts, training);

    private unsafe Tensor NextToken(Tensor ids, KeyValueCache cache)
    {
        var (tokens, places, texts) = (_tokens.weight!, _positions?.weight, ids.size(0));
        (Tensor, Tensor)? turns = Options.Positions is RotaryPositions rotary ? cache.Turns(rotary) : null;
        var scores = TensorView.New<float>(texts, 1, Vocabulary);
        using var results = TensorView.Dense<float>(scores);
        using var pass = new TokenPass(Options, cache);
        var text = 0;
        foreach (var token in ids.data<long>())
        {
            pass.Begin(tokens, places, token);
            for (var layer = 0; layer < _blocks.Count; layer++) pass.Block(_blocks[layer], layer, text, turns);
            pass.End((RmsNorm)_norm, _head?.Weight ?? tokens, _head?.Bias, results.Start + (text++ * Vocabulary));
        }
        cache.Length++;
        return scores;
    }

    private static TransformerBlockOptions Block(DecoderOptions options) => new(
        new(options.Width, options.Heads)
        {
            KeyHeads = options.Groups,
            HeadWidth = options.ActualHeadWidth,
            QkvBias = options.QkvBias,
            OutputBias = options.OutputBias,
            HeadNorm = options.QkNorm ? options.NormEpsilon : null,
        },
        options.FeedForward,
        Keys)
    {
        RootMeanSquare = options.Norm is RmsNormOptions,
        NormEpsilon = options.NormEpsilon,
        Dropout = options.Dropout,
    };

    private void Draw(Generator? generator)
    {
        const double Deviation = 0.02;
        foreach (var (name, parameter) in named_parameters())
        {
            // What is added to the stream adds up over the layers.
            var isAdded = name.EndsWith(".o_proj.weight", StringComparison.Ordinal)
                || name.EndsWith(".down_proj.weight", StringComparison.Ordinal);
            if (parameter.dim() > 1)
                Initialize.Normal(parameter, 0, isAdded ? Deviation / Math.Sqrt(2 * Options.Layers) : Deviation, generator);
            else if (name.EndsWith("bias", StringComparison.Ordinal)) Initialize.Uniform(parameter, 0, 0);
        }
    }
}

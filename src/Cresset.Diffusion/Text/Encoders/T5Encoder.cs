using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>T5's encoder (Raffel et al. 2020, version 1.1 with gated GELU). Keys are those of transformers.</summary>
public sealed class T5Encoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "shared")]
    private readonly TokenTable _tokens;

    [ComponentName(Name = "encoder")]
    private readonly Stack _encoder;

    private ScalarType? _compute;

    /// <summary>Builds the encoder.</summary>
    public T5Encoder(T5EncoderOptions options, WeightPlace? place = null)
        : base(nameof(T5Encoder))
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options.ThrowIfInvalid();
        place ??= WeightPlace.Cpu;
        _tokens = new TokenTable(options.VocabularySize, options.Width, place, takesPacked: true);
        _encoder = new Stack(options, place);
        RegisterComponents();
    }

    /// <summary>The sizes it was built with.</summary>
    public T5EncoderOptions Options { get; }

    /// <summary>
    /// Element type of the computation: that of the weights; float32 for half-precision weights on CPUs without instructions for them;
    /// for packed weights bfloat16 or float32, whichever the processor multiplies fastest. May be set to either for packed weights.
    /// </summary>
    public ScalarType ComputeDtype
    {
        get => _encoder.IsPacked ? _compute ?? HalfPrecision.ForPacked
            : HalfPrecision.ComputeType(_tokens.IsPacked ? _encoder.Norm : _tokens.Weight);
        set => _compute = HalfPrecision.CheckPacked(value);
    }

    /// <summary>Ids [N, T] to token embeddings [N, T, W], attending to all tokens as SD3 does.</summary>
    public override Tensor forward(Tensor ids) => Encode(ids);

    /// <summary>Encodes ids [N, T]; <paramref name="mask"/> [N, T] is 1 for tokens to attend to.</summary>
    public Tensor Encode(Tensor ids, Tensor? mask = null)
    {
        Shape.Expect(ids, "N T");
        using var scope = NewDisposeScope();
        return _encoder.Run(_tokens.call(ids).to(ComputeDtype), mask).MoveToOuterDisposeScope();
    }

    /// <summary>The bias that positions add to attention, [1, heads, T, T].</summary>
    internal Tensor PositionBias(long tokens) => _encoder.PositionBias(tokens);

    /// <summary>
    /// Bucket of a relative position (key - query): half of the buckets for each direction; of those, half are exact and half logarithmic
    /// up to the largest distance.
    /// </summary>
    internal static long Bucket(long relative, int buckets, int maxDistance)
    {
        buckets /= 2;
        var offset = relative > 0 ? buckets : 0;
        var distance = Math.Abs(relative);
        var exact = buckets / 2;
        if (distance < exact) return offset + distance;
        // Single precision, as the reference computes it: the border cases depend on it.
        var far = MathF.Log((float)distance / exact) / (float)Math.Log(maxDistance / (double)exact) * (buckets - exact);
        return offset + Math.Min(exact + (long)far, buckets - 1);
    }

    private sealed class Stack : nn.Module<Tensor, Tensor>
    {
        private static readonly TransformerKeys Keys = new(
            "layer.0.layer_norm",
            new("layer.0.SelfAttention.q", "layer.0.SelfAttention.k", "layer.0.SelfAttention.v", "layer.0.SelfAttention.o"),
            "layer.1.layer_norm",
            new("layer.1.DenseReluDense.wi_0", "layer.1.DenseReluDense.wi_1", "layer.1.DenseReluDense.wo", "layer.1.DenseReluDense.act"));

        private readonly T5EncoderOptions _options;

        [ComponentName(Name = "block")]
        private readonly ModuleList<TransformerBlock> _blocks;

        [ComponentName(Name = "final_layer_norm")]
        private readonly RmsNorm _finalNorm;

        private readonly Func<Tensor> _biases;

        public Stack(T5EncoderOptions options, WeightPlace place)
            : base(nameof(Stack))
        {
            _options = options;
            var attention = new AttentionSizes(options.Width, options.Heads)
            {
                HeadWidth = options.HeadDim,
                QkvBias = false,
                OutputBias = false
            };
            // T5 does not divide the scores by the root of the width.
            var block = new TransformerBlockOptions(attention, FeedForwardOptions.GeGlu with { Hidden = options.MlpWidth },
                Keys)
            { RootMeanSquare = true, NormEpsilon = options.NormEpsilon, Scale = 1 };
            _blocks =
                new ModuleList<TransformerBlock>([.. Enumerable.Range(0, options.Layers).Select(_ => new TransformerBlock(block, place))]);
            // One table for all blocks, which the first one's keys hold.
            var table = LayerKeys.Add(_blocks[0], "layer.0.SelfAttention.relative_attention_bias",
                new TokenTable(options.Buckets, options.Heads, place));
            _biases = () => table.Weight;
            _finalNorm = new RmsNorm(options.Width, options.NormEpsilon, place: place);
            RegisterComponents();
        }

        public bool IsPacked => _blocks[0].IsPacked;

        public Tensor Norm => _finalNorm.Weight!;

        public Tensor PositionBias(long tokens)
        {
            using var scope = NewDisposeScope();
            var buckets = new long[tokens * tokens];
            for (long query = 0; query < tokens; query++)
            {
                for (long key = 0; key < tokens; key++)
                    buckets[(query * tokens) + key] = Bucket(key - query, _options.Buckets, _options.MaxDistance);
            }
            var table = _biases();
            var rows = table.index_select(0, tensor(buckets).to(table.device));
            return rows.view(tokens, tokens, _options.Heads).permute(2, 0, 1).unsqueeze(0).contiguous().MoveToOuterDisposeScope();
        }

        public Tensor Run(Tensor x, Tensor? mask)
        {
            var bias = PositionBias(x.size(1)).to(x.dtype);
            if (mask is not null)
            {
                var hidden = mask.eq(0).view(mask.size(0), 1, 1, mask.size(1));
                bias = bias + zeros([mask.size(0), 1, 1, mask.size(1)], bias.dtype, bias.device).masked_fill(hidden, finfo(bias.dtype).min);
            }
            for (var i = 0; i < _blocks.Count; i++) x = _blocks[i].Forward(x, bias);
            return _finalNorm.call(x);
        }

        public override Tensor forward(Tensor x) => Run(x, null);
    }
}

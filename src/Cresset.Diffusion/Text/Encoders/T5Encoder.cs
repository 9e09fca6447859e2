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
        get => _encoder.IsPacked ? _compute ?? HalfPrecision.ForPacked : HalfPrecision.ComputeType(_tokens.IsPacked ? _encoder.Norm : _tokens.Weight);
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
    /// Bucket of a relative position (key - query): half of the buckets for each direction; of those, half are exact and half
    /// logarithmic up to the largest distance.
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
        private readonly T5EncoderOptions _options;

        [ComponentName(Name = "block")]
        private readonly ModuleList<Block> _blocks;

        [ComponentName(Name = "final_layer_norm")]
        private readonly RootMeanSquareNormalization _finalNorm;

        public Stack(T5EncoderOptions options, WeightPlace place)
            : base(nameof(Stack))
        {
            _options = options;
            _blocks = new ModuleList<Block>([.. Enumerable.Range(0, options.Layers).Select(i => new Block(options, i == 0, place))]);
            _finalNorm = new RootMeanSquareNormalization(options.Width, 1e-6, place);
            RegisterComponents();
        }

        public bool IsPacked => _blocks[0].IsPacked;

        public Tensor Norm => _finalNorm.Weight;

        public Tensor PositionBias(long tokens)
        {
            using var scope = NewDisposeScope();
            var buckets = new long[tokens * tokens];
            for (long query = 0; query < tokens; query++)
            {
                for (long key = 0; key < tokens; key++) buckets[(query * tokens) + key] = Bucket(key - query, _options.Buckets, _options.MaxDistance);
            }
            var table = _blocks[0].Biases!;
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
            for (var i = 0; i < _blocks.Count; i++) x = _blocks[i].Run(x, bias);
            return _finalNorm.call(x);
        }

        public override Tensor forward(Tensor x) => Run(x, null);
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "layer")]
        private readonly Sublayers _layers;

        public Block(T5EncoderOptions options, bool hasBiases, WeightPlace place)
            : base(nameof(Block))
        {
            _layers = new Sublayers(options, hasBiases, place);
            RegisterComponents();
        }

        public Tensor? Biases => _layers.Attention.SelfAttention.Biases;

        public bool IsPacked => _layers.Attention.SelfAttention.IsPacked;

        public Tensor Run(Tensor x, Tensor bias)
        {
            using var scope = NewDisposeScope();
            return _layers.Mlp.call(_layers.Attention.Run(x, bias)).MoveToOuterDisposeScope();
        }

        public override Tensor forward(Tensor x) => throw new NotSupportedException("A T5 block needs the position bias: call Run.");
    }

    private sealed class Sublayers : nn.Module
    {
        [ComponentName(Name = "0")]
        private readonly AttentionSublayer _attention;

        [ComponentName(Name = "1")]
        private readonly MlpSublayer _mlp;

        public Sublayers(T5EncoderOptions options, bool hasBiases, WeightPlace place)
            : base(nameof(Sublayers))
        {
            _attention = new AttentionSublayer(options, hasBiases, place);
            _mlp = new MlpSublayer(options, place);
            RegisterComponents();
        }

        public AttentionSublayer Attention => _attention;

        public MlpSublayer Mlp => _mlp;
    }

    private sealed class AttentionSublayer : nn.Module
    {
        [ComponentName(Name = "SelfAttention")]
        private readonly RelativeAttention _attention;

        [ComponentName(Name = "layer_norm")]
        private readonly RootMeanSquareNormalization _norm;

        public AttentionSublayer(T5EncoderOptions options, bool hasBiases, WeightPlace place)
            : base(nameof(AttentionSublayer))
        {
            _attention = new RelativeAttention(options, hasBiases, place);
            _norm = new RootMeanSquareNormalization(options.Width, 1e-6, place);
            RegisterComponents();
        }

        public RelativeAttention SelfAttention => _attention;

        public Tensor Run(Tensor x, Tensor bias) => x + _attention.Run(_norm.call(x), bias);
    }

    private sealed class RelativeAttention : nn.Module
    {
        private readonly long _heads;
        private readonly double _rootWidth;

        [ComponentName(Name = "q")]
        private readonly Projection _query;

        [ComponentName(Name = "k")]
        private readonly Projection _key;

        [ComponentName(Name = "v")]
        private readonly Projection _value;

        [ComponentName(Name = "o")]
        private readonly Projection _out;

        [ComponentName(Name = "relative_attention_bias")]
        private readonly TokenTable? _biases;

        public RelativeAttention(T5EncoderOptions options, bool hasBiases, WeightPlace place)
            : base(nameof(RelativeAttention))
        {
            (_heads, _rootWidth) = (options.Heads, Math.Sqrt(options.HeadDim));
            long inner = (long)options.Heads * options.HeadDim;
            Projection New() => new(options.Width, inner, false, place);
            (_query, _key, _value) = (New(), New(), New());
            _out = new Projection(inner, options.Width, false, place);
            if (hasBiases) _biases = new TokenTable(options.Buckets, options.Heads, place);
            RegisterComponents();
        }

        public Tensor? Biases => _biases?.Weight;

        public bool IsPacked => _query.IsQuantized;

        public Tensor Run(Tensor x, Tensor bias)
        {
            // T5 does not divide by the root of the width; the attention function does, so the queries make up for it.
            Tensor q = Attention.Split(_query.call(x).mul(_rootWidth), _heads), k = Attention.Split(_key.call(x), _heads), v = Attention.Split(_value.call(x), _heads);
            return _out.call(Attention.Merge(Attention.Attend(q, k, v, bias)));
        }
    }

    private sealed class MlpSublayer : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "DenseReluDense")]
        private readonly GatedMlp _mlp;

        [ComponentName(Name = "layer_norm")]
        private readonly RootMeanSquareNormalization _norm;

        public MlpSublayer(T5EncoderOptions options, WeightPlace place)
            : base(nameof(MlpSublayer))
        {
            _mlp = new GatedMlp(options, place);
            _norm = new RootMeanSquareNormalization(options.Width, 1e-6, place);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => x + _mlp.call(_norm.call(x));
    }

    private sealed class GatedMlp : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "wi_0")]
        private readonly Projection _gate;

        [ComponentName(Name = "wi_1")]
        private readonly Projection _up;

        [ComponentName(Name = "wo")]
        private readonly Projection _down;

        public GatedMlp(T5EncoderOptions options, WeightPlace place)
            : base(nameof(GatedMlp))
        {
            _gate = new Projection(options.Width, options.MlpWidth, false, place);
            _up = new Projection(options.Width, options.MlpWidth, false, place);
            _down = new Projection(options.MlpWidth, options.Width, false, place);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => _down.call(nn.functional.gelu(_gate.call(x), GELU.Approximate.tanh) * _up.call(x));
    }
}

using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>What a CLIP text encoder says about a prompt.</summary>
/// <param name="LastHidden">All tokens after the final normalisation, [N, T, W].</param>
/// <param name="Hidden">All tokens before the last layer(s), without the final normalisation, [N, T, W]: what SD3 reads.</param>
/// <param name="Pooled">The end token, projected, [N, P].</param>
public sealed record ClipTextOutput(Tensor LastHidden, Tensor Hidden, Tensor Pooled);

/// <summary>CLIP's text encoder with projection (Radford et al. 2021). Keys are those of transformers.</summary>
public sealed class ClipTextEncoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "text_model")]
    private readonly TextModel _model;

    [ComponentName(Name = "text_projection")]
    private readonly Projection _projection;

    /// <summary>Builds the encoder.</summary>
    public ClipTextEncoder(ClipTextOptions options, WeightPlace? place = null)
        : base(nameof(ClipTextEncoder))
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options.ThrowIfInvalid();
        place ??= WeightPlace.Cpu;
        _model = new TextModel(options, place);
        _projection = new Projection(options.Width, options.ProjectionWidth, false, place);
        RegisterComponents();
    }

    /// <summary>The sizes it was built with.</summary>
    public ClipTextOptions Options { get; }

    /// <summary>Ids [N, T] to the projected pooled embedding [N, P].</summary>
    public override Tensor forward(Tensor ids)
    {
        using var scope = NewDisposeScope();
        return Encode(ids).Pooled.MoveToOuterDisposeScope();
    }

    /// <summary>Encodes token ids.</summary>
    /// <param name="ids">[N, T] of 64-bit integers, T at most <see cref="ClipTextOptions.Positions"/>.</param>
    /// <param name="clipSkip">0 reads the output of the layer before the last, 1 of the one before that, and so on.</param>
    /// <param name="mask">[N, T], 1 for tokens to attend to; null (as SD3) for all.</param>
    public ClipTextOutput Encode(Tensor ids, int clipSkip = 0, Tensor? mask = null)
    {
        Shape.Expect(ids, "N T");
        if (ids.size(1) > Options.Positions)
            throw Shape.Wrong(ids, $"at most {Options.Positions} tokens", "Cut the prompt first: ClipTokenizer.EncodePadded does.");
        if (clipSkip < 0 || clipSkip >= Options.Layers)
            throw new ArgumentOutOfRangeException(nameof(clipSkip), clipSkip,
                $"This encoder has {Options.Layers} layers: allowed are 0 to {Options.Layers - 1}.");
        using var scope = NewDisposeScope();
        var (last, hidden) = _model.Run(ids, Options.Layers - 1 - clipSkip, mask);
        var at = Options.EndTokenId == 2 ? ids.argmax(1) : ids.eq(Options.EndTokenId).to(ScalarType.Int32).argmax(1);
        var pooled = last.gather(1, at.view(-1, 1, 1).expand(-1, 1, last.size(2))).squeeze(1);
        return new ClipTextOutput(last.MoveToOuterDisposeScope(), hidden.MoveToOuterDisposeScope(),
            _projection.call(pooled).MoveToOuterDisposeScope());
    }

    private sealed class TextModel : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "embeddings")]
        private readonly TokenEmbeddings _embeddings;

        [ComponentName(Name = "encoder")]
        private readonly LayerStack _encoder;

        [ComponentName(Name = "final_layer_norm")]
        private readonly LayerNormalization _finalNorm;

        public TextModel(ClipTextOptions options, WeightPlace place)
            : base(nameof(TextModel))
        {
            _embeddings = new TokenEmbeddings(options, place);
            _encoder = new LayerStack(options, place);
            _finalNorm = new LayerNormalization(options.Width, options.NormEpsilon, place);
            RegisterComponents();
        }

        public (Tensor Last, Tensor Hidden) Run(Tensor ids, int hiddenAfter, Tensor? mask)
        {
            var (last, hidden) = _encoder.Run(_embeddings.call(ids), hiddenAfter, mask);
            return (_finalNorm.call(last), hidden);
        }

        public override Tensor forward(Tensor ids) => Run(ids, 0, null).Last;
    }

    private sealed class TokenEmbeddings : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "token_embedding")]
        private readonly TokenTable _tokens;

        [ComponentName(Name = "position_embedding")]
        private readonly TokenTable _positions;

        public TokenEmbeddings(ClipTextOptions options, WeightPlace place)
            : base(nameof(TokenEmbeddings))
        {
            _tokens = new TokenTable(options.VocabularySize, options.Width, place, takesPacked: true);
            _positions = new TokenTable(options.Positions, options.Width, place);
            RegisterComponents();
        }

        public override Tensor forward(Tensor ids)
        {
            using var scope = NewDisposeScope();
            // Packed encoders are small and run once: they compute in single precision.
            var type = _tokens.IsPacked ? ScalarType.Float32 : HalfPrecision.ComputeType(_tokens.Weight);
            return _tokens.call(ids).to(type).add(_positions.Weight.narrow(0, 0, ids.size(1)).to(type)).MoveToOuterDisposeScope();
        }
    }

    private sealed class LayerStack : nn.Module<Tensor, Tensor>
    {
        private static readonly TransformerKeys Keys = new(
            "layer_norm1",
            new("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj"),
            "layer_norm2",
            new("", "mlp.fc1", "mlp.fc2", "mlp.act"));

        [ComponentName(Name = "layers")]
        private readonly ModuleList<TransformerBlock> _layers;

        public LayerStack(ClipTextOptions options, WeightPlace place)
            : base(nameof(LayerStack))
        {
            var feedForward = new FeedForwardOptions
            {
                Gated = false,
                Bias = true,
                Hidden = options.MlpWidth,
                Activation = options.Activation == ClipActivation.Gelu ? "gelu" : "quick_gelu"
            };
            var block = new TransformerBlockOptions(new(options.Width, options.Heads), feedForward, Keys)
            { NormEpsilon = options.NormEpsilon };
            _layers =
                new ModuleList<TransformerBlock>([.. Enumerable.Range(0, options.Layers).Select(_ => new TransformerBlock(block, place))]);
            RegisterComponents();
        }

        public (Tensor Last, Tensor Hidden) Run(Tensor x, int hiddenAfter, Tensor? mask)
        {
            var bias = mask is null ? null : CausalBias(mask, x.dtype);
            var hidden = x;
            for (var i = 0; i < _layers.Count; i++)
            {
                if (i == hiddenAfter) hidden = x;
                x = _layers[i].Forward(x, bias, causal: bias is null);
            }
            return (x, hidden);
        }

        public override Tensor forward(Tensor x) => Run(x, 0, null).Last;

        private static Tensor CausalBias(Tensor mask, ScalarType dtype)
        {
            long tokens = mask.size(1);
            var allowed = ones([tokens, tokens], ScalarType.Bool, mask.device).tril(0).unsqueeze(0).logical_and(mask.ne(0).unsqueeze(1));
            return zeros([mask.size(0), 1, tokens, tokens], dtype, mask.device)
                .masked_fill(allowed.logical_not().unsqueeze(1), finfo(dtype).min);
        }
    }
}

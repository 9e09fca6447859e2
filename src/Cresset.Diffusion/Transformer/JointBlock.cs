using Cresset.Nn;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>One MM-DiT block (figure 2 of the paper): modulated joint attention, then a modulated MLP in each stream.</summary>
internal sealed class JointBlock : nn.Module<Tensor, Tensor, Tensor, (Tensor Image, Tensor? Text)>
{
    private readonly bool _isLast;

    [ComponentName(Name = "norm1")]
    private readonly Modulation _imageModulation;

    [ComponentName(Name = "norm1_context")]
    private readonly Modulation _textModulation;

    [ComponentName(Name = "attn")]
    private readonly JointAttention _attention;

    [ComponentName(Name = "attn2")]
    private readonly JointAttention? _imageAttention;

    [ComponentName(Name = "ff")]
    private readonly FeedForward _imageMlp;

    [ComponentName(Name = "ff_context")]
    private readonly FeedForward? _textMlp;

    /// <param name="options">Sizes.</param>
    /// <param name="index">Which block, for dual attention.</param>
    /// <param name="isLast">True where the text stream ends.</param>
    /// <param name="place">Where the weights go.</param>
    public JointBlock(MmDitOptions options, int index, bool isLast, WeightPlace place)
        : base(nameof(JointBlock))
    {
        _isLast = isLast;
        var isDual = options.DualAttentionLayers.Contains(index);
        _imageModulation = new Modulation(options.Width, isDual ? 9 : 6, place);
        _textModulation = new Modulation(options.Width, _isLast ? 2 : 6, place);
        _attention = new JointAttention(options, hasText: true, hasTextOutput: !_isLast, place);
        if (isDual) _imageAttention = new JointAttention(options, hasText: false, hasTextOutput: false, place);
        _imageMlp = NewMlp(options.Width, place);
        if (!_isLast) _textMlp = NewMlp(options.Width, place);
        RegisterComponents();
    }

    public bool IsPacked => _attention.IsPacked || _imageModulation.Linear.IsQuantized || _imageMlp.IsPacked;

    public IEnumerable<Projection> Modulations => [_imageModulation.Linear, _textModulation.Linear];

    /// <summary>image [N, I, D], text [N, T, D], SiLU of the conditioning [N, D]; the last block returns no text.</summary>
    public override (Tensor Image, Tensor? Text) forward(Tensor image, Tensor text, Tensor activated)
    {
        using var scope = NewDisposeScope();
        var m = _imageModulation.Chunks(activated);
        var c = _textModulation.Chunks(activated);
        var normalized = Modulation.Normalize(image);
        var imageIn = Modulation.Apply(normalized, m[0], m[1]);
        // The last block reads text only: its continuous form holds (scale, shift) in the other order.
        var textIn = _isLast ? Modulation.Apply(Modulation.Normalize(text), c[1], c[0])
            : Modulation.Apply(Modulation.Normalize(text), c[0], c[1]);
        var (imageMixed, textMixed) = _attention.call(imageIn, textIn);
        var x = addcmul(image, m[2], imageMixed, One);
        if (_imageAttention is not null)
        {
            // Both attentions read the same normalized tokens.
            var (own, _) = _imageAttention.call(Modulation.Apply(normalized, m[6], m[7]), null);
            x = addcmul(x, m[8], own, One);
        }
        x = addcmul(x, m[5], _imageMlp.call(Modulation.Apply(Modulation.Normalize(x), m[3], m[4])), One);
        if (_isLast) return (x.MoveToOuterDisposeScope(), null);
        var y = addcmul(text, c[2], textMixed!, One);
        y = addcmul(y, c[5], _textMlp!.call(Modulation.Apply(Modulation.Normalize(y), c[3], c[4])), One);
        return (x.MoveToOuterDisposeScope(), y.MoveToOuterDisposeScope());
    }

    /// <summary>Linear to four times the width, tanh-GELU, linear back.</summary>
    public static FeedForward NewMlp(long width, WeightPlace place)
        => new(width, FeedForwardOptions.Gelu with { Activation = "gelu_tanh" }, new FeedForwardKeys("", "net.0.proj", "net.2", "act"),
            place);

    private static readonly TorchSharp.Scalar One = 1f;
}

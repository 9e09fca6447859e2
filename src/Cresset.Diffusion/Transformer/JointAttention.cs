using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Attention over image tokens, joined with text tokens where there are any; each stream with weights of its own.</summary>
internal sealed class JointAttention : nn.Module<Tensor, Tensor?, (Tensor Image, Tensor? Text)>
{
    private readonly long _heads;

    [ComponentName(Name = "norm_q")]
    private readonly RootMeanSquareNormalization? _queryNorm;

    [ComponentName(Name = "norm_k")]
    private readonly RootMeanSquareNormalization? _keyNorm;

    [ComponentName(Name = "to_q")]
    private readonly Projection _query;

    [ComponentName(Name = "to_k")]
    private readonly Projection _key;

    [ComponentName(Name = "to_v")]
    private readonly Projection _value;

    [ComponentName(Name = "add_q_proj")]
    private readonly Projection? _textQuery;

    [ComponentName(Name = "add_k_proj")]
    private readonly Projection? _textKey;

    [ComponentName(Name = "add_v_proj")]
    private readonly Projection? _textValue;

    [ComponentName(Name = "to_out")]
    private readonly ModuleList<Projection> _out;

    [ComponentName(Name = "to_add_out")]
    private readonly Projection? _textOut;

    [ComponentName(Name = "norm_added_q")]
    private readonly RootMeanSquareNormalization? _textQueryNorm;

    [ComponentName(Name = "norm_added_k")]
    private readonly RootMeanSquareNormalization? _textKeyNorm;

    public JointAttention(MmDitOptions options, bool hasText, bool hasTextOutput, WeightPlace place)
        : base(nameof(JointAttention))
    {
        _heads = options.Heads;
        long width = options.Width;
        Projection New() => new(width, width, true, place);
        (_query, _key, _value) = (New(), New(), New());
        if (hasText) (_textQuery, _textKey, _textValue) = (New(), New(), New());
        _out = new ModuleList<Projection>(New());
        if (hasTextOutput) _textOut = New();
        if (options.QkNorm)
        {
            RootMeanSquareNormalization Norm() => new(options.HeadDim, 1e-6, place);
            (_queryNorm, _keyNorm) = (Norm(), Norm());
            if (hasText) (_textQueryNorm, _textKeyNorm) = (Norm(), Norm());
        }
        RegisterComponents();
    }

    public bool IsPacked => _query.IsQuantized;

    /// <summary>image [N, I, D], text [N, T, D] or null to the same shapes; the text result is null where the block drops it.</summary>
    public override (Tensor Image, Tensor? Text) forward(Tensor image, Tensor? text)
    {
        using var scope = NewDisposeScope();
        var q = Head(_query, _queryNorm, image);
        var k = Head(_key, _keyNorm, image);
        var v = Attention.Split(_value.call(image), _heads);
        var images = image.size(1);
        if (text is not null)
        {
            // The order of tokens does not change attention.
            q = cat([q, Head(_textQuery!, _textQueryNorm, text)], 2);
            k = cat([k, Head(_textKey!, _textKeyNorm, text)], 2);
            v = cat([v, Attention.Split(_textValue!.call(text), _heads)], 2);
        }
        var mixed = Attention.Merge(Attention.Attend(q, k, v));
        if (text is null) return (_out[0].call(mixed).MoveToOuterDisposeScope(), null);
        var imageResult = _out[0].call(mixed.narrow(1, 0, images)).MoveToOuterDisposeScope();
        return (imageResult, _textOut?.call(mixed.narrow(1, images, text.size(1))).MoveToOuterDisposeScope());
    }

    private Tensor Head(Projection projection, RootMeanSquareNormalization? norm, Tensor tokens)
    {
        var heads = Attention.Split(projection.call(tokens), _heads);
        return norm is null ? heads : norm.call(heads);
    }
}

using Cresset.Nn;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Attention over image tokens, joined with text tokens where there are any; each stream with weights of its own.</summary>
internal sealed class JointAttention : nn.Module<Tensor, Tensor?, (Tensor Image, Tensor? Text)>
{
    private static readonly AttentionKeys ImageKeys = new("to_q", "to_k", "to_v", "to_out.0", "norm_q", "norm_k");
    private static readonly AttentionKeys TextKeys = new("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out", "norm_added_q",
        "norm_added_k");

    private readonly AttentionLayers _image;
    private readonly AttentionLayers? _text;
    private readonly bool _hasTextOutput;

    public JointAttention(MmDitOptions options, bool hasText, bool hasTextOutput, WeightPlace place)
        : base(nameof(JointAttention))
    {
        var sizes = new AttentionSizes(options.Width, options.Heads) { HeadNorm = options.QkNorm ? 1e-6 : null };
        _hasTextOutput = hasTextOutput;
        _image = new AttentionLayers(this, sizes, ImageKeys, place);
        if (hasText) _text = new AttentionLayers(this, sizes, TextKeys, place);
        _image.WithOutput();
        if (hasTextOutput) _text!.WithOutput();
    }

    public bool IsPacked => _image.IsPacked;

    /// <summary>image [N, I, D], text [N, T, D] or null to the same shapes; the text result is null where the block drops it.</summary>
    public override (Tensor Image, Tensor? Text) forward(Tensor image, Tensor? text)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = _image.Heads(image);
        var images = image.size(1);
        if (text is not null)
        {
            var (textQuery, textKey, textValue) = _text!.Heads(text);
            // The order of tokens does not change attention.
            (q, k, v) = (cat([q, textQuery], 2), cat([k, textKey], 2), cat([v, textValue], 2));
        }
        var mixed = Attention.MergeHeads(Attention.ScaledDotProduct(q, k, v));
        if (text is null) return (_image.Joined(mixed).MoveToOuterDisposeScope(), null);
        var imageResult = _image.Joined(mixed.narrow(1, 0, images)).MoveToOuterDisposeScope();
        return (imageResult, _hasTextOutput ? _text!.Joined(mixed.narrow(1, images, text.size(1))).MoveToOuterDisposeScope() : null);
    }
}

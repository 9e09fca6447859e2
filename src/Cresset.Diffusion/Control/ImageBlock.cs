using Cresset.Nn;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>A modulated block over image tokens alone, as in Stability's ControlNets for SD3.5 large.</summary>
internal sealed class ImageBlock : nn.Module<Tensor, Tensor, Tensor>
{
    [ComponentName(Name = "norm1")]
    private readonly Modulation _modulation;

    [ComponentName(Name = "attn")]
    private readonly JointAttention _attention;

    [ComponentName(Name = "ff")]
    private readonly FeedForward _mlp;

    public ImageBlock(MmDitOptions options, WeightPlace place)
        : base(nameof(ImageBlock))
    {
        _modulation = new Modulation(options.Width, 6, place);
        // These nets have no head norms whatever the transformer has.
        _attention = new JointAttention(options with { QkNorm = false }, hasText: false, hasTextOutput: false, place);
        _mlp = JointBlock.NewMlp(options.Width, place);
        RegisterComponents();
    }

    public override Tensor forward(Tensor image, Tensor activated)
    {
        using var scope = NewDisposeScope();
        var m = _modulation.Chunks(activated);
        var (mixed, _) = _attention.call(Modulation.Apply(Modulation.Normalize(image), m[0], m[1]), null);
        var x = image + (m[2] * mixed);
        return (x + (m[5] * _mlp.call(Modulation.Apply(Modulation.Normalize(x), m[3], m[4])))).MoveToOuterDisposeScope();
    }
}

using Cresset.Nn;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>norm, SiLU, conv, twice, around a shortcut; [N, in, H, W] to [N, out, H, W].</summary>
internal sealed class ResidualBlock : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "norm1")]
    private readonly GroupNormalization _norm1;

    [ComponentName(Name = "conv1")]
    private readonly SquareConvolution _conv1;

    [ComponentName(Name = "norm2")]
    private readonly GroupNormalization _norm2;

    [ComponentName(Name = "conv2")]
    private readonly SquareConvolution _conv2;

    [ComponentName(Name = "conv_shortcut")]
    private readonly SquareConvolution? _shortcut;

    public ResidualBlock(int inputs, int outputs, int groups, WeightPlace place)
        : base(nameof(ResidualBlock))
    {
        _norm1 = new GroupNormalization(groups, inputs, 1e-6, place);
        _conv1 = new SquareConvolution(inputs, outputs, 3, place, padding: 1);
        _norm2 = new GroupNormalization(groups, outputs, 1e-6, place);
        _conv2 = new SquareConvolution(outputs, outputs, 3, place, padding: 1);
        if (inputs != outputs) _shortcut = new SquareConvolution(inputs, outputs, 1, place);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = _conv1.call(Activate(_norm1.call(input)));
        x = _conv2.call(Activate(_norm2.call(x)));
        return x.add(_shortcut is null ? input : _shortcut.call(input)).MoveToOuterDisposeScope();
    }

    /// <summary>SiLU, in place where no gradient needs the input.</summary>
    public static Tensor Activate(Tensor x) => x.requires_grad ? nn.functional.silu(x) : nn.functional.silu(x, inplace: true);
}

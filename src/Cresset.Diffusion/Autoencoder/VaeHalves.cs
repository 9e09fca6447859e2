using Cresset.Nn;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Picture to the moments of the latent: [N, 3, H, W] to [N, 2 * latent, H/8, W/8].</summary>
internal sealed class VaeEncoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv_in")]
    private readonly SquareConvolution _in;

    [ComponentName(Name = "down_blocks")]
    private readonly ModuleList<ResolutionBlock> _down;

    [ComponentName(Name = "mid_block")]
    private readonly MiddleBlock _middle;

    [ComponentName(Name = "conv_norm_out")]
    private readonly GroupNormalization _norm;

    [ComponentName(Name = "conv_out")]
    private readonly SquareConvolution _out;

    public VaeEncoder(VaeOptions options, WeightPlace place)
        : base(nameof(VaeEncoder))
    {
        var channels = options.BlockChannels;
        _in = new SquareConvolution(options.ImageChannels, channels[0], 3, place, padding: 1);
        _down = new ModuleList<ResolutionBlock>([.. Enumerable.Range(0, channels.Count).Select(i =>
            new ResolutionBlock(channels[Math.Max(0, i - 1)], channels[i], options.LayersPerBlock, options.NormGroups,
                down: i < channels.Count - 1, up: false, place))]);
        _middle = new MiddleBlock(channels[^1], options.NormGroups, place);
        _norm = new GroupNormalization(options.NormGroups, channels[^1], 1e-6, place);
        _out = new SquareConvolution(channels[^1], 2 * options.LatentChannels, 3, place, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = _in.call(input);
        for (var i = 0; i < _down.Count; i++)
        {
            using var previous = x;
            x = _down[i].call(previous);
        }
        x = _middle.call(x);
        return _out.call(ResidualBlock.Activate(_norm.call(x))).MoveToOuterDisposeScope();
    }
}

/// <summary>Latent to picture: [N, latent, h, w] to [N, 3, 8h, 8w].</summary>
internal sealed class VaeDecoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv_in")]
    private readonly SquareConvolution _in;

    [ComponentName(Name = "up_blocks")]
    private readonly ModuleList<ResolutionBlock> _up;

    [ComponentName(Name = "mid_block")]
    private readonly MiddleBlock _middle;

    [ComponentName(Name = "conv_norm_out")]
    private readonly GroupNormalization _norm;

    [ComponentName(Name = "conv_out")]
    private readonly SquareConvolution _out;

    public VaeDecoder(VaeOptions options, WeightPlace place)
        : base(nameof(VaeDecoder))
    {
        int[] channels = [.. options.BlockChannels.Reverse()];
        _in = new SquareConvolution(options.LatentChannels, channels[0], 3, place, padding: 1);
        _up = new ModuleList<ResolutionBlock>([.. Enumerable.Range(0, channels.Length).Select(i =>
            new ResolutionBlock(channels[Math.Max(0, i - 1)], channels[i], options.LayersPerBlock + 1, options.NormGroups, down: false,
                up: i < channels.Length - 1, place))]);
        _middle = new MiddleBlock(channels[0], options.NormGroups, place);
        _norm = new GroupNormalization(options.NormGroups, channels[^1], 1e-6, place);
        _out = new SquareConvolution(channels[^1], options.ImageChannels, 3, place, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = _middle.call(_in.call(input));
        for (var i = 0; i < _up.Count; i++)
        {
            using var previous = x;
            x = _up[i].call(previous);
        }
        return _out.call(ResidualBlock.Activate(_norm.call(x))).MoveToOuterDisposeScope();
    }
}

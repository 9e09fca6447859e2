using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// One resolution of a U-Net: blocks with attention between them, and the layer that leads to or from the next coarser level.
/// </summary>
internal sealed class UNetLevel : nn.Module<Tensor, Tensor?, Tensor>
{
    [ComponentName(Name = "blocks")]
    private readonly ModuleList<UNetBlock> _blocks = [];

    [ComponentName(Name = "attention")]
    private readonly ModuleList<SpatialAttention> _attention = [];

    [ComponentName(Name = "resample")]
    private readonly nn.Module<Tensor, Tensor>? _resample;

    private readonly int _attentionEvery;

    private UNetLevel(long inChannels, long outChannels, int blocks, int attentionEvery, nn.Module<Tensor, Tensor>? resample,
        UNetOptions options)
        : base(nameof(UNetLevel))
    {
        _attentionEvery = attentionEvery;
        for (var i = 0; i < blocks; i++)
        {
            _blocks.Add(new UNetBlock(i == 0 ? inChannels : outChannels, outChannels, options));
            if (HasAttention(i))
                _attention.Add(
                    new SpatialAttention(outChannels, options.Heads, options.Norm is NoNorm ? options.Norm : null, options.AttentionPath));
        }
        _resample = resample;
        RegisterComponents();
    }

    internal static UNetLevel Encoder(int level, UNetOptions options)
    {
        var (channels, from) = (options.Channels[level], options.Channels[Math.Max(level - 1, 0)]);
        return new UNetLevel(from, channels, options.BlocksPerLevel, options.AttentionLevels.Contains(level) ? 1 : 0,
            options.Downsampler.Build(channels), options);
    }

    internal static UNetLevel Decoder(int level, UNetOptions options)
    {
        var (channels, below) = (options.Channels[level], options.Channels[level + 1]);
        return new UNetLevel(2 * channels, channels, options.BlocksPerLevel, options.AttentionLevels.Contains(level) ? 1 : 0,
            options.Upsampler.Build(below, channels), options);
    }

    internal static UNetLevel Middle(UNetOptions options)
    {
        var depth = options.Channels.Count;
        var attention = options.MiddleAttention || options.AttentionLevels.Contains(depth - 1);
        return new UNetLevel(options.Channels[Math.Max(depth - 2, 0)], options.Channels[^1], 2, attention ? 2 : 0, null, options);
    }

    /// <summary>
    /// The blocks of this level, [N, C, H, W] to [N, C', H, W]; <see cref="Resample"/> is separate because the skip connection leaves
    /// between them.
    /// </summary>
    public override Tensor forward(Tensor input, Tensor? embedding) => Refine(input, embedding);

    internal Tensor Refine(Tensor x, Tensor? embedding)
    {
        var attention = 0;
        for (var i = 0; i < _blocks.Count; i++)
        {
            x = _blocks[i].call(x, embedding);
            if (HasAttention(i)) x = _attention[attention++].call(x);
        }
        return x;
    }

    internal Tensor Resample(Tensor x) => _resample!.call(x);

    // Every block of a level with attention; in the middle only after the first of its two blocks.
    private bool HasAttention(int block) => _attentionEvery > 0 && block % _attentionEvery == 0;
}

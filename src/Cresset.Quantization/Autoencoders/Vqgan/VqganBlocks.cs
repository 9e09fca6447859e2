using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Norm, swish, convolution, twice, and a shortcut.</summary>
internal sealed class VqganBlock : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "norm1")]
    private readonly GroupNorm _firstNorm;
    [ComponentName(Name = "conv1")]
    private readonly Conv2d _first;
    [ComponentName(Name = "norm2")]
    private readonly GroupNorm _secondNorm;
    [ComponentName(Name = "conv2")]
    private readonly Conv2d _second;
    [ComponentName(Name = "nin_shortcut")]
    private readonly Conv2d? _shortcut;

    public VqganBlock(long from, long to, int groups)
        : base(nameof(VqganBlock))
    {
        _firstNorm = Norm(from, groups);
        _first = nn.Conv2d(from, to, 3, padding: 1);
        _secondNorm = Norm(to, groups);
        _second = nn.Conv2d(to, to, 3, padding: 1);
        if (from != to) _shortcut = nn.Conv2d(from, to, 1);
        RegisterComponents();
    }

    public static GroupNorm Norm(long channels, int groups) => Norms.GroupNorm(groups, channels, 1e-6);

    public static SpatialAttention Attention(long channels, int groups)
        => new(channels, 1, Norm(channels, groups), "norm", new AttentionKeys("q", "k", "v", "proj_out"), AttentionPath.Fused,
            WeightPlace.Cpu);

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var h = _first.call(nn.functional.silu(_firstNorm.call(input)));
        h = _second.call(nn.functional.silu(_secondNorm.call(h)));
        return ((_shortcut?.call(input) ?? input) + h).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// One size of an encoder or decoder: blocks, each with attention behind it where there is any, and the change to the next size.
/// </summary>
internal sealed class VqganLevel : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "block")]
    private readonly ModuleList<VqganBlock> _blocks = [];
    [ComponentName(Name = "attn")]
    private readonly ModuleList<SpatialAttention> _attention = [];
    [ComponentName(Name = "downsample")]
    private readonly VqganHalving? _halving;
    [ComponentName(Name = "upsample")]
    private readonly nn.Module<Tensor, Tensor>? _doubling;

    public VqganLevel(long from, long to, int blocks, bool attends, int groups, bool halves, UpsamplerOptions? doubles)
        : base(nameof(VqganLevel))
    {
        for (var i = 0; i < blocks; i++)
        {
            _blocks.Add(new VqganBlock(i == 0 ? from : to, to, groups));
            if (attends) _attention.Add(VqganBlock.Attention(to, groups));
        }
        if (halves) _halving = new VqganHalving(to);
        _doubling = doubles?.Build(to, to);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var h = input;
        for (var i = 0; i < _blocks.Count; i++)
        {
            h = _blocks[i].call(h);
            if (_attention.Count > 0) h = _attention[i].call(h);
        }
        h = _halving?.call(h) ?? _doubling?.call(h) ?? h;
        return h.MoveToOuterDisposeScope();
    }
}

/// <summary>A convolution of stride 2 that sees one pixel more at the right and below.</summary>
internal sealed class VqganHalving : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv")]
    private readonly Conv2d _convolution;

    public VqganHalving(long channels)
        : base(nameof(VqganHalving))
    {
        _convolution = nn.Conv2d(channels, channels, 3, stride: 2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return _convolution.call(nn.functional.pad(input, [0, 1, 0, 1])).MoveToOuterDisposeScope();
    }
}

/// <summary>Block, attention, block at the smallest size.</summary>
internal sealed class VqganMiddle : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "block_1")]
    private readonly VqganBlock _first;
    [ComponentName(Name = "attn_1")]
    private readonly SpatialAttention _attention;
    [ComponentName(Name = "block_2")]
    private readonly VqganBlock _second;

    public VqganMiddle(long channels, int groups)
        : base(nameof(VqganMiddle))
    {
        _first = new VqganBlock(channels, channels, groups);
        _attention = VqganBlock.Attention(channels, groups);
        _second = new VqganBlock(channels, channels, groups);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return _second.call(_attention.call(_first.call(input))).MoveToOuterDisposeScope();
    }
}

/// <summary>Pictures to latents.</summary>
internal sealed class VqganEncoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv_in")]
    private readonly Conv2d _in;
    [ComponentName(Name = "down")]
    private readonly ModuleList<VqganLevel> _levels = [];
    [ComponentName(Name = "mid")]
    private readonly VqganMiddle _middle;
    [ComponentName(Name = "norm_out")]
    private readonly GroupNorm _norm;
    [ComponentName(Name = "conv_out")]
    private readonly Conv2d _out;

    public VqganEncoder(VqganOptions options)
        : base(nameof(VqganEncoder))
    {
        long from = options.Width;
        _in = nn.Conv2d(options.Channels, from, 3, padding: 1);
        for (var i = 0; i < options.Multipliers.Count; i++)
        {
            var to = (long)options.Width * options.Multipliers[i];
            _levels.Add(
                new VqganLevel(from, to, options.ResidualBlocks, options.AttentionLevels.Contains(i), options.Groups,
                    halves: i < options.Multipliers.Count - 1, doubles: null));
            from = to;
        }
        _middle = new VqganMiddle(from, options.Groups);
        _norm = VqganBlock.Norm(from, options.Groups);
        _out = nn.Conv2d(from, options.LatentWidth, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var h = _in.call(input);
        foreach (var level in _levels) h = level.call(h);
        return _out.call(nn.functional.silu(_norm.call(_middle.call(h)))).MoveToOuterDisposeScope();
    }
}

/// <summary>Latents to pictures.</summary>
internal sealed class VqganDecoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv_in")]
    private readonly Conv2d _in;
    [ComponentName(Name = "mid")]
    private readonly VqganMiddle _middle;
    [ComponentName(Name = "up")]
    private readonly ModuleList<VqganLevel> _levels;
    [ComponentName(Name = "norm_out")]
    private readonly GroupNorm _norm;
    [ComponentName(Name = "conv_out")]
    private readonly Conv2d _out;

    public VqganDecoder(VqganOptions options)
        : base(nameof(VqganDecoder))
    {
        var levels = options.Multipliers.Count;
        var from = (long)options.Width * options.Multipliers[^1];
        _in = nn.Conv2d(options.LatentWidth, from, 3, padding: 1);
        _middle = new VqganMiddle(from, options.Groups);
        // Numbered from the full size, as in the encoder, though the smallest comes first.
        var made = new VqganLevel[levels];
        for (var i = levels - 1; i >= 0; i--)
        {
            var to = (long)options.Width * options.Multipliers[i];
            made[i] = new VqganLevel(from, to, options.ResidualBlocks + 1, options.AttentionLevels.Contains(i), options.Groups,
                halves: false, doubles: i > 0 ? options.Upsampler : null);
            from = to;
        }
        _levels = new ModuleList<VqganLevel>(made);
        _norm = VqganBlock.Norm(from, options.Groups);
        _out = nn.Conv2d(from, options.Channels, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var h = _middle.call(_in.call(input));
        for (var i = _levels.Count - 1; i >= 0; i--) h = _levels[i].call(h);
        return _out.call(nn.functional.silu(_norm.call(h))).MoveToOuterDisposeScope();
    }
}

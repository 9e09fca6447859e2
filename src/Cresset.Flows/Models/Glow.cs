using Cresset.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Glow (Kingma and Dhariwal 2018): L scales of squeeze, K steps and a split with a learned prior. Images [N, C, H, W].
/// Latents for <see cref="Encode"/> are the standardised ones, flat [N, C H W]: a standard normal vector decodes to a sample.
/// Keys are glow-pytorch's.
/// </summary>
public sealed class Glow : DensityModel
{
    private readonly GlowOptions _options;
    [ComponentName(Name = "blocks")]
    private readonly ModuleList<GlowBlock> _blocks;
    [ComponentName(Name = "classes")]
    private readonly Embedding? _classes;

    /// <summary>Makes the model.</summary>
    public Glow(GlowOptions options)
        : base(nameof(Glow))
    {
        _options = options.ThrowIfInvalid();
        _blocks = new ModuleList<GlowBlock>([.. Enumerable.Range(0, options.Levels).Select(i =>
        {
            var last = i == options.Levels - 1;
            return new GlowBlock(options.Channels << i, options, !last, options.Lu || (last && options.LuInLastLevel));
        })]);
        if (options.Classes > 0)
        {
            _classes = nn.Embedding(options.Classes, 2 * TopChannels);
            using var noGrad = no_grad();
            _classes.weight!.zero_();
        }
        RegisterComponents();
    }

    /// <summary>The settings.</summary>
    public GlowOptions Options => _options;

    private int TopChannels => _options.Channels << (_options.Levels + 1);

    private int Dimensions => _options.Channels * _options.Size * _options.Size;

    /// <summary>The latent of each scale, the log-density of the latents under their priors [N], and the log-determinant of the steps [N].</summary>
    public (IReadOnlyList<Tensor> Latents, Tensor LogPrior, Tensor LogDet) EncodeScales(Tensor x, Tensor? labels = null)
    {
        Check(x);
        using var scope = NewDisposeScope();
        Tensor current = x, logDet = zeros(x.size(0), dtype: x.dtype, device: x.device), logPrior = zeros_like(logDet);
        List<Tensor> latents = [];
        foreach (var block in _blocks)
        {
            var (rest, latent, log) = block.Encode(current);
            var (mean, logDeviation) = Prior(block, rest, latent, labels);
            var standard = (latent - mean) * (-logDeviation).exp();
            logPrior = logPrior + (standard.square() * -0.5 - logDeviation - 0.5 * Math.Log(2 * Math.PI)).flatten(1).sum(1);
            logDet = logDet + log;
            latents.Add(latent.MoveToOuterDisposeScope());
            if (rest is not null) current = rest;
        }
        return (latents, logPrior.MoveToOuterDisposeScope(), logDet.MoveToOuterDisposeScope());
    }

    /// <summary>Images from the noise of each scale (standard normal, times a temperature), in the order of <see cref="EncodeScales"/>.</summary>
    public Tensor DecodeNoise(IReadOnlyList<Tensor> noise, Tensor? labels = null)
    {
        ArgumentNullException.ThrowIfNull(noise);
        if (noise.Count != _options.Levels) throw new ArgumentException($"noise holds {noise.Count} tensors; this model has {_options.Levels} scales.", nameof(noise));
        using var scope = NewDisposeScope();
        Tensor? current = null;
        for (var i = _options.Levels - 1; i >= 0; i--)
        {
            var block = _blocks[i];
            var (mean, logDeviation) = Prior(block, current, noise[i], labels);
            current = block.Decode(current, mean + logDeviation.exp() * noise[i]);
        }
        return current!.MoveToOuterDisposeScope();
    }

    /// <summary>Images from the latents of each scale: the exact inverse of <see cref="EncodeScales"/>.</summary>
    public Tensor DecodeScales(IReadOnlyList<Tensor> latents)
    {
        ArgumentNullException.ThrowIfNull(latents);
        using var scope = NewDisposeScope();
        Tensor? current = null;
        for (var i = _options.Levels - 1; i >= 0; i--) current = _blocks[i].Decode(current, latents[i]);
        return current!.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var (_, logPrior, logDet) = EncodeScales(x, context);
        return (logPrior + logDet).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Encode(Tensor x, Tensor? context = null)
    {
        Check(x);
        using var scope = NewDisposeScope();
        var current = x;
        List<Tensor> parts = [];
        foreach (var block in _blocks)
        {
            var (rest, latent, _) = block.Encode(current);
            var (mean, logDeviation) = Prior(block, rest, latent, context);
            parts.Add(((latent - mean) * (-logDeviation).exp()).flatten(1));
            if (rest is not null) current = rest;
        }
        return cat(parts, 1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Decode(Tensor z, Tensor? context = null)
    {
        Cresset.Tensors.Shape.Expect(z, "N D", ("D", Dimensions));
        using var scope = NewDisposeScope();
        List<Tensor> noise = [];
        var offset = 0L;
        foreach (var shape in LatentShapes())
        {
            var size = shape[0] * shape[1] * shape[2];
            noise.Add(z.narrow(1, offset, size).reshape([z.size(0), .. shape]));
            offset += size;
        }
        return DecodeNoise(noise, context).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var weight = _blocks[0].parameters().First();
        var z = randn(count, Dimensions, generator: generator).to(weight.dtype).to(weight.device) * temperature;
        return Decode(z, context).MoveToOuterDisposeScope();
    }

    /// <summary>Shapes [C, H, W] of the latents, scale by scale.</summary>
    public IReadOnlyList<long[]> LatentShapes() => [.. Enumerable.Range(0, _options.Levels).Select(i =>
    {
        long side = _options.Size >> (i + 1), channels = (long)_options.Channels << (i + 1);
        return (long[])[i == _options.Levels - 1 ? 2 * channels : channels, side, side];
    })];

    private (Tensor Mean, Tensor LogDeviation) Prior(GlowBlock block, Tensor? rest, Tensor like, Tensor? labels)
    {
        if (block.Split) return block.Prior(rest!);
        var (mean, logDeviation) = block.Prior(zeros_like(like));
        if (_classes is null) return (mean, logDeviation);
        if (labels is null) throw new ArgumentNullException(nameof(labels), $"This Glow is conditional on {_options.Classes} classes: it takes labels int64 [N] as context.");
        Cresset.Tensors.Shape.Expect(labels, "N", ("N", like.size(0)));
        var shift = _classes.call(labels).unsqueeze(2).unsqueeze(3).chunk(2, 1);
        return (mean + shift[0], logDeviation + shift[1]);
    }

    private void Check(Tensor x)
        => Cresset.Tensors.Shape.Expect(x, "N C H W", [("C", _options.Channels), ("H", _options.Size), ("W", _options.Size)]);
}

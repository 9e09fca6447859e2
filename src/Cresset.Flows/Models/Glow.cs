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

    private int Wide => _options.Columns == 0 ? _options.Size : _options.Columns;

    private int Dimensions => _options.Channels * _options.Size * Wide;

    /// <summary>
    /// Why the last backward pass of <see cref="GlowOptions.RecomputeActivations"/> computed a scale's inputs forwards, see
    /// <see cref="CompositeTransform.RecomputationFallback"/>; null when it did not.
    /// </summary>
    public string? RecomputationFallback => _blocks.Select(b => b.RecomputationFallback).FirstOrDefault(r => r is not null);

    /// <summary>
    /// The latent of each scale, the log-density of the latents under their priors [N], and the log-determinant of the steps [N].
    /// </summary>
    public (IReadOnlyList<Tensor> Latents, Tensor LogPrior, Tensor LogDet) EncodeScales(Tensor x, Tensor? context = null)
    {
        Check(x, context);
        using var scope = NewDisposeScope();
        Tensor current = x, logDet = zeros(x.size(0), dtype: x.dtype, device: x.device), logPrior = zeros_like(logDet);
        List<Tensor> latents = [];
        foreach (var block in _blocks)
        {
            var (rest, latent, log) = block.Encode(current, Features(context));
            var (mean, logDeviation) = Prior(block, rest, latent, context);
            var standard = (latent - mean) * (-logDeviation).exp();
            logPrior = logPrior + LogNormal(standard, logDeviation);
            logDet = logDet + log;
            latents.Add(latent.MoveToOuterDisposeScope());
            if (rest is not null) current = rest;
        }
        return (latents, logPrior.MoveToOuterDisposeScope(), logDet.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Images from the noise of each scale (standard normal, times a temperature), in the order of <see cref="EncodeScales"/>.
    /// </summary>
    public Tensor DecodeNoise(IReadOnlyList<Tensor> noise, Tensor? context = null)
    {
        var (images, logDensity) = Generate(noise, context);
        logDensity.Dispose();
        return images;
    }

    /// <summary>Images from the latents of each scale: the exact inverse of <see cref="EncodeScales"/>.</summary>
    /// <param name="latents">One tensor per scale.</param>
    /// <param name="context">The features of a model with <see cref="GlowOptions.Context"/>; class labels are not needed, since they shape
    /// the prior alone.</param>
    public Tensor DecodeScales(IReadOnlyList<Tensor> latents, Tensor? context = null)
    {
        CheckScales(latents, nameof(latents));
        using var scope = NewDisposeScope();
        Tensor? current = null;
        for (var i = _options.Levels - 1; i >= 0; i--) current = _blocks[i].Decode(current, latents[i], Features(context)).Images;
        return current!.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var rows = SampleRows.Of(nameof(Glow), x, context, 3, _blocks[0].Like);
        var (_, logPrior, logDet) = EncodeScales(rows.Values, rows.Context);
        return rows.Restore(logPrior + logDet).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Encode(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var rows = SampleRows.Of(nameof(Glow), x, context, 3, _blocks[0].Like);
        Check(rows.Values, rows.Context);
        var current = rows.Values;
        List<Tensor> parts = [];
        foreach (var block in _blocks)
        {
            var (rest, latent, _) = block.Encode(current, Features(rows.Context));
            var (mean, logDeviation) = Prior(block, rest, latent, rows.Context);
            parts.Add(((latent - mean) * (-logDeviation).exp()).flatten(1));
            if (rest is not null) current = rest;
        }
        return rows.Restore(cat(parts, 1)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Decode(Tensor z, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var rows = SampleRows.Of(nameof(Glow), z, context, 1, _blocks[0].Like, nameof(z));
        return rows.Restore(Generate(Scales(rows.Values), rows.Context).Images).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        using var noGrad = no_grad();
        return RSample(count, context, temperature, generator);
    }

    /// <inheritdoc/>
    public override Tensor RSample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        var (samples, logDensity) = SampleWithLogDensity(count, context, temperature, generator);
        logDensity.Dispose();
        return samples;
    }

    /// <inheritdoc/>
    public override (Tensor Samples, Tensor LogDensity) SampleWithLogDensity(long count, Tensor? context = null, double temperature = 1,
        Generator? generator = null)
    {
        using var scope = NewDisposeScope();
        var like = _blocks[0].Like;
        var given = SampleRows.ContextFor(nameof(Glow), count, context, like);
        var z = randn(count, Dimensions, generator: generator).to(like.dtype).to(like.device) * BaseDistribution.Check(temperature);
        var (images, logDensity) = Generate(Scales(z), given);
        return (images.MoveToOuterDisposeScope(), logDensity.MoveToOuterDisposeScope());
    }

    /// <summary>Shapes [C, H, W] of the latents, scale by scale.</summary>
    public IReadOnlyList<long[]> LatentShapes() => [.. Enumerable.Range(0, _options.Levels).Select(i =>
    {
        long channels = (long)_options.Channels << (i + 1);
        return (long[])[i == _options.Levels - 1 ? 2 * channels : channels, _options.Size >> (i + 1), Wide >> (i + 1)];
    })];

    private static Tensor LogNormal(Tensor standard, Tensor logDeviation) =>
        (standard.square() * -0.5 - logDeviation - 0.5 * Math.Log(2 * Math.PI)).flatten(1).sum(1);

    private List<Tensor> Scales(Tensor z)
    {
        Cresset.Tensors.Shape.Expect(z, "N D", ("D", Dimensions));
        List<Tensor> noise = [];
        var offset = 0L;
        foreach (var shape in LatentShapes())
        {
            var size = shape[0] * shape[1] * shape[2];
            noise.Add(z.narrow(1, offset, size).reshape([z.size(0), .. shape]));
            offset += size;
        }
        return noise;
    }

    private (Tensor Images, Tensor LogDensity) Generate(IReadOnlyList<Tensor> noise, Tensor? context)
    {
        CheckScales(noise, nameof(noise));
        CheckContext(context);
        using var scope = NewDisposeScope();
        Tensor? current = null;
        Tensor log = zeros(noise[0].size(0), dtype: noise[0].dtype, device: noise[0].device);
        for (var i = _options.Levels - 1; i >= 0; i--)
        {
            var block = _blocks[i];
            var (mean, logDeviation) = Prior(block, current, noise[i], context);
            var (images, logDet) = block.Decode(current, mean + logDeviation.exp() * noise[i], Features(context));
            log = log + LogNormal(noise[i], logDeviation) - logDet;
            current = images;
        }
        return (current!.MoveToOuterDisposeScope(), log.MoveToOuterDisposeScope());
    }

    private void CheckScales(IReadOnlyList<Tensor> scales, string name)
    {
        ArgumentNullException.ThrowIfNull(scales, name);
        if (scales.Count != _options.Levels)
            throw new ArgumentException($"{name} holds {scales.Count} tensors; this model has {_options.Levels} scales.", name);
    }

    // Labels shape the top prior, features the couplings.
    private Tensor? Features(Tensor? context) => _options.Context > 0 ? context : null;

    private (Tensor Mean, Tensor LogDeviation) Prior(GlowBlock block, Tensor? rest, Tensor like, Tensor? labels)
    {
        if (block.Split) return block.Prior(rest!);
        var (mean, logDeviation) = block.Prior(zeros_like(like));
        if (_classes is null) return (mean, logDeviation);
        if (labels is null)
            throw new ArgumentNullException(nameof(labels),
                $"This Glow is conditional on {_options.Classes} classes: it takes labels int64 [N] as context.");
        labels = ClassLabels.Check(labels, like.size(0), _options.Classes, nameof(Glow));
        var shift = _classes.call(labels).unsqueeze(2).unsqueeze(3).chunk(2, 1);
        return (mean + shift[0], logDeviation + shift[1]);
    }

    private void Check(Tensor x, Tensor? context)
    {
        Cresset.Tensors.Shape.Expect(x, "N C H W", [("C", _options.Channels), ("H", _options.Size), ("W", Wide)]);
        CheckContext(context);
    }

    private void CheckContext(Tensor? context)
    {
        if (context is not null && _options is { Context: 0, Classes: 0 })
        {
            throw new ArgumentException(
                $"Glow: a context of shape {Cresset.Tensors.Shape.Text(context)} is given, but this model was made without one. Set "
                    + $"GlowOptions.Context (features) or GlowOptions.Classes (labels).", nameof(context));
        }
    }
}

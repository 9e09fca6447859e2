using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>One walk from noise to latents.</summary>
internal sealed class GenerationRun
{
    private readonly StableDiffusion3 _model;
    private readonly GenerationOptions _options;
    private readonly GenerationInputs _inputs;
    private readonly Generator[] _generators;
    private readonly long[] _shape;

    public GenerationRun(StableDiffusion3 model, GenerationOptions options, GenerationInputs inputs)
    {
        (_model, _options, _inputs) = (model, options, inputs);
        _generators = [.. Enumerable.Range(0, options.Count).Select(i => new Generator(options.Seed + (ulong)i))];
        long down = model.Vae.Options.Downscale;
        _shape = [1, model.Vae.Options.LatentChannels, options.Height / down, options.Width / down];
    }

    private Device Device => _model.Transformer.parameters().First().device;

    public Tensor Sample(PromptEmbedding wanted, PromptEmbedding? unwanted, IProgress<GenerationStep>? progress, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var sampler = CreateSampler();
        var per = sampler.EvaluationsPerStep;
        var steps = (sampler.Table.Steps + per - 1) / per;
        var start = _inputs.Picture is null ? 0 : NoiseTable.StartStep(steps, _options.Strength);
        if (start >= steps) throw new ArgumentException($"With strength {_options.Strength} none of the {steps} steps remains; raise the strength or the number of steps.");
        // The order of draws is the reference's: first the autoencoder's, then the noise.
        var source = _inputs.Picture is null ? null : Encode(_inputs.Picture, _model.Vae.Options.ShiftFactor);
        var noise = _inputs.Latents is null ? Draw() : _inputs.Latents.to(ScalarType.Float32).to(Device);
        var x = noise;
        if (source is not null && !(_inputs.Mask is not null && _options.Strength == 1)) x = sampler.AddNoise(source, noise, start * per);
        var mask = _inputs.Mask is null ? null : nn.functional.interpolate(_inputs.Mask.ge(0.5).to(ScalarType.Float32), [_shape[2], _shape[3]], mode: InterpolationMode.Nearest).to(Device);
        var control = _inputs.Control is null ? null : EncodeControl(_inputs.Control);
        var (context, pooled) = Join(wanted, unwanted);
        for (var i = start * per; i < sampler.Table.Steps; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            int step = (i / per) - start, remaining = steps - start;
            var velocity = Velocity(x, sampler.Table.Times[i], context, pooled, control, step, remaining);
            // Each picture draws from its own generator: it does not depend on its neighbours.
            var next = sampler.Step(velocity, i, x, _generators);
            if (mask is not null)
            {
                // What is kept follows the source, noised to the level reached.
                var kept = sampler.Table.Sigmas[i + 1] > 0 ? sampler.AddNoise(source!, noise, i + 1) : source!;
                next = (kept * (1 - mask)) + (next * mask);
            }
            if (progress is not null && (i + 1) % per == 0)
            {
                var predicted = x - (velocity * (double)sampler.Table.Sigmas[i]);
                // Copies that belong to the receiver: a display may look at them much later, on another thread.
                progress.Report(new GenerationStep(((i + 1) / per) - start, remaining, next.clone().DetachFromDisposeScope(), predicted.DetachFromDisposeScope()));
            }
            x = next.MoveToOuterDisposeScope();
        }
        return x.MoveToOuterDisposeScope();
    }

    private Sampler CreateSampler()
    {
        var schedule = _options.Schedule ?? _model.Schedule;
        var patch = _model.Transformer.Options.PatchSize;
        double? mu = schedule.Dynamic == DynamicShift.None ? null : schedule.Mu(_shape[2] / patch * (_shape[3] / patch));
        return _options.Sigmas is null ? Sampler.Create(_options.Sampler, schedule, _options.Steps, mu)
            : Sampler.Create(_options.Sampler, NoiseTable.Custom(schedule, _options.Sigmas, mu));
    }

    private Tensor Velocity(Tensor x, double time, Tensor context, Tensor pooled, Tensor? control, int step, int steps)
    {
        var guided = _options.Guidance.IsOn;
        // With guidance both halves go through the network in one call.
        var states = guided ? cat([x, x], 0) : x;
        var times = full([states.size(0)], time, ScalarType.Float32, Device);
        IReadOnlyList<Tensor>? residuals = null;
        var part = (double)step / steps;
        if (control is not null && part >= _options.ControlStart && (step + 1.0) / steps <= _options.ControlEnd)
        {
            residuals = _model.Control!.Residuals(_model.Transformer, states, control, times, context, pooled, _options.ControlScale);
        }
        var velocity = _model.Transformer.Forward(states, times, context, pooled, residuals: residuals).to(ScalarType.Float32);
        if (!guided) return velocity;
        var halves = velocity.chunk(2, 0);
        var result = Guidance.Combine(_options.Guidance, halves[0], halves[1], step);
        if (!Guidance.Skips(_options.Guidance, step, steps)) return result;
        var count = x.size(0);
        var skipped = _model.Transformer.Forward(x, times.narrow(0, 0, count), context.narrow(0, count, count), pooled.narrow(0, count, count), _options.Guidance.SkipLayers).to(ScalarType.Float32);
        return result + ((halves[1] - skipped) * _options.Guidance.SkipScale);
    }

    private (Tensor Context, Tensor Pooled) Join(PromptEmbedding wanted, PromptEmbedding? unwanted)
    {
        long count = _options.Count;
        Tensor Repeat(Tensor t) => t.size(0) == count ? t : t.size(0) == 1 ? t.expand([count, .. t.shape.Skip(1)])
            : throw new ArgumentException($"The prompt embedding has {t.size(0)} rows for {count} pictures; give 1 or {count}.");
        if (!_options.Guidance.IsOn) return (Repeat(wanted.Context).to(Device), Repeat(wanted.Pooled).to(Device));
        if (unwanted!.Context.size(1) != wanted.Context.size(1)) throw new ArgumentException($"The prompt has {wanted.Context.size(1)} tokens, the negative prompt {unwanted.Context.size(1)}; encode both with the same T5 length.");
        return (cat([Repeat(unwanted.Context), Repeat(wanted.Context)], 0).to(Device), cat([Repeat(unwanted.Pooled), Repeat(wanted.Pooled)], 0).to(Device));
    }

    private Tensor Encode(Tensor picture, double shift)
    {
        var channels = _model.Vae.Options.LatentChannels;
        var batch = picture.size(0) == 1 ? picture.expand([_options.Count, .. picture.shape.Skip(1)]) : picture;
        if (picture.size(1) == channels) return batch.to(ScalarType.Float32).to(Device);
        var pixels = picture.to(_model.Vae.parameters().First().device).mul(2).sub_(1);
        using var distribution = _model.Vae.Encode(pixels);
        var z = distribution.Sample(Draw().to(distribution.Mean.device).to(distribution.Mean.dtype));
        return z.to(ScalarType.Float32).sub_(shift).mul_(_model.Vae.Options.ScalingFactor).to(Device);
    }

    private Tensor EncodeControl(Tensor picture)
    {
        var net = _model.Control!.Options;
        var latent = Encode(picture, net.ZeroPooled ? 0 : _model.Vae.Options.ShiftFactor);
        if (net.ExtraChannels > 0)
        {
            if (_inputs.ControlMask is null) throw new ArgumentException($"This ControlNet reads {net.ExtraChannels} more channel(s): give ControlMask.");
            var mask = nn.functional.interpolate(_inputs.ControlMask.to(ScalarType.Float32), [_shape[2], _shape[3]], mode: InterpolationMode.Nearest).to(Device);
            latent = cat([latent, (1 - mask).expand(latent.size(0), net.ExtraChannels, _shape[2], _shape[3])], 1);
        }
        return _options.Guidance.IsOn ? cat([latent, latent], 0) : latent;
    }

    private Tensor Draw()
    {
        using var scope = NewDisposeScope();
        // Drawn on the CPU in single precision: a seed gives the same picture on every device.
        return cat([.. _generators.Select(g => randn(_shape, ScalarType.Float32, CPU, generator: g))], 0).to(Device).MoveToOuterDisposeScope();
    }
}

using Cresset.Numerics;
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
    private GuidanceOptions _guidance;

    public GenerationRun(StableDiffusion3 model, GenerationOptions options, GenerationInputs inputs)
    {
        (_model, _options, _inputs) = (model, model.Settled(options), inputs);
        _guidance = options.Guidance;
        _generators = [.. Enumerable.Range(0, options.Count).Select(i => new Generator(options.Seed + (ulong)i))];
        long down = model.Vae.Options.Downscale;
        _shape = [1, model.Vae.Options.LatentChannels, options.Height / down, options.Width / down];
    }

    private Device Device => _model.Transformer.parameters().First().device;

    public Tensor Sample(PromptEmbedding wanted, PromptEmbedding? unwanted, IProgress<GenerationStep>? progress,
        CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var sampler = CreateSampler();
        var per = sampler.EvaluationsPerStep;
        var steps = (sampler.Table.Steps + per - 1) / per;
        var start = _inputs.Picture is null ? 0 : NoiseTable.StartStep(steps, _options.Strength);
        if (start >= steps)
            throw new ArgumentException(
                $"With strength {_options.Strength} none of the {steps} steps remains; raise the strength or the number of steps.");
        // The order of draws is the reference's: first the autoencoder's, then the noise.
        var source = _inputs.Picture is null ? null : Encode(_inputs.Picture, _model.Vae.Options.ShiftFactor);
        var noise = _inputs.Latents is null ? Draw() : _inputs.Latents.to(ScalarType.Float32).to(Device);
        var x = noise;
        if (source is not null && !(_inputs.Mask is not null && _options.Strength == 1)) x = sampler.AddNoise(source, noise, start * per);
        var mask = _inputs.Mask is null ? null
            : nn.functional.interpolate(_inputs.Mask.to(ScalarType.Float32), [_shape[2], _shape[3]], mode: InterpolationMode.Nearest)
                .to(Device);
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
                // What is kept follows the source, noised to the level reached. A grey value is let go after its part of the steps.
                var kept = sampler.Table.Sigmas[i + 1] > 0 ? sampler.AddNoise(source!, noise, i + 1) : source!;
                var done = ((i + 1.0) / per) - start;
                var keep = mask.eq(0).logical_or((1 - mask).gt(done / remaining));
                next = where(keep, kept, next);
            }
            // The last step of samplers with two evaluations has one.
            if (((i + 1) % per == 0 || i + 1 == sampler.Table.Steps) && (progress is not null || _inputs.OnStep is not null))
            {
                var predicted = x - (velocity * (double)sampler.Table.Sigmas[i]);
                var (stopped, latents) = Report(progress, ((i + per) / per) - start, remaining, sampler.Table.Sigmas[i + 1], next,
                    predicted, ref context, ref pooled);
                if (latents is not null)
                {
                    using var own = latents;
                    next = latents.alias();
                }
                if (stopped)
                {
                    var end = mask is null ? predicted : where(mask.eq(0), source!, predicted);
                    x = end.MoveToOuterDisposeScope();
                    break;
                }
            }
            x = next.MoveToOuterDisposeScope();
        }
        return x.MoveToOuterDisposeScope();
    }

    // Copies that belong to the receiver: a display may look at them much later, on another thread. What a callback makes stays its own
    // too:
    // the scope that stands around it lets everything go.
    private (bool Stopped, Tensor? Latents) Report(IProgress<GenerationStep>? progress, int step, int steps, double sigma, Tensor next,
        Tensor predicted, ref Tensor context, ref Tensor pooled)
    {
        var control = new SamplingStep(step, steps, sigma, next, predicted, _guidance);
        using (var theirs = NewDisposeScope())
        {
            progress?.Report(new GenerationStep(step, steps, next.clone(), predicted.clone()));
            _inputs.OnStep?.Invoke(control);
            foreach (var made in theirs.DisposablesView.ToList()) theirs.Detach(made);
        }
        if (!ReferenceEquals(control.Guidance, _guidance))
        {
            var guidance = control.Guidance.ThrowIfInvalid();
            if (guidance.IsOn != _guidance.IsOn)
                throw new ArgumentException(
                    $"A step cannot turn guidance {(guidance.IsOn ? "on" : "off")} (Scale {guidance.Scale}): the run began "
                        + $"{(_guidance.IsOn ? "with" : "without")} it. Keep the scale "
                        + $"{(guidance.IsOn ? "at 1 or less" : "above 1, for example 1.0001")}.");
            StableDiffusion3.CheckSkipLayers(_model.Transformer.Options, guidance);
            _guidance = guidance;
        }
        if (control.Prompts is { } prompts)
        {
            if (_guidance.IsOn && prompts.Unwanted is null)
                throw new ArgumentException("A step follows another prompt, but not another negative one: give both while guidance is on.");
            var (words, both) = Join(prompts.Wanted, prompts.Unwanted);
            if (words.size(1) != context.size(1))
                throw new ArgumentException(
                    $"A step follows a prompt of {words.size(1)} tokens; the run has {context.size(1)}: encode it with the same T5 "
                        + $"length.");
            (context, pooled) = (words.alias().MoveToOuterDisposeScope(), both.alias().MoveToOuterDisposeScope());
        }
        return (control.IsStopped, control.Replaced);
    }

    private Sampler CreateSampler()
    {
        var (schedule, sampler) = (_options.Schedule!, _options.Sampler!);
        var patch = _model.Transformer.Options.PatchSize;
        double? mu = schedule.Dynamic == DynamicShift.None ? null : schedule.Mu(_shape[2] / patch * (_shape[3] / patch));
        return _options.Sigmas is null ? Sampler.Create(sampler, schedule, _options.Steps, mu)
            : Sampler.Create(sampler, NoiseTable.Custom(schedule, _options.Sigmas, mu));
    }

    private Tensor Velocity(Tensor x, double time, Tensor context, Tensor pooled, Tensor? control, int step, int steps)
    {
        var guided = _guidance.IsOn;
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
        var result = Guidance.Combine(_guidance, halves[0], halves[1], step);
        if (!Guidance.Skips(_guidance, step, steps)) return result;
        var count = x.size(0);
        var skipped = _model.Transformer.Forward(x, times.narrow(0, 0, count), context.narrow(0, count, count),
            pooled.narrow(0, count, count), _guidance.SkipLayers).to(ScalarType.Float32);
        return result + ((halves[1] - skipped) * _guidance.SkipScale);
    }

    private (Tensor Context, Tensor Pooled) Join(PromptEmbedding wanted, PromptEmbedding? unwanted)
    {
        long count = _options.Count;
        Tensor Repeat(Tensor t) => t.size(0) == count ? t : t.size(0) == 1 ? t.expand([count, .. t.shape.Skip(1)])
            : throw new ArgumentException($"The prompt embedding has {t.size(0)} rows for {count} pictures; give 1 or {count}.");
        if (!_options.Guidance.IsOn) return (Repeat(wanted.Context).to(Device), Repeat(wanted.Pooled).to(Device));
        if (unwanted!.Context.size(1) != wanted.Context.size(1))
            throw new ArgumentException(
                $"The prompt has {wanted.Context.size(1)} tokens, the negative prompt {unwanted.Context.size(1)}; encode both with the "
                    + $"same T5 length.");
        return (cat([Repeat(unwanted.Context), Repeat(wanted.Context)], 0).to(Device),
            cat([Repeat(unwanted.Pooled), Repeat(wanted.Pooled)], 0).to(Device));
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
            if (_inputs.ControlMask is null)
                throw new ArgumentException($"This ControlNet reads {net.ExtraChannels} more channel(s): give ControlMask.");
            var mask = nn.functional.interpolate(_inputs.ControlMask.to(ScalarType.Float32), [_shape[2], _shape[3]],
                mode: InterpolationMode.Nearest).to(Device);
            latent = cat([latent, (1 - mask).expand(latent.size(0), net.ExtraChannels, _shape[2], _shape[3])], 1);
        }
        return _options.Guidance.IsOn ? cat([latent, latent], 0) : latent;
    }

    private Tensor Draw()
    {
        using var scope = NewDisposeScope();
        // Drawn on the CPU: a seed gives the same picture on every device.
        var dtype = _options.NoiseLike switch
        {
            NoiseLike.Float16 => ScalarType.Float16,
            NoiseLike.BFloat16 => ScalarType.BFloat16,
            _ => ScalarType.Float32,
        };
        return cat([.. _generators.Select(g => randn(_shape, dtype, CPU, generator: g))], 0).to(ScalarType.Float32).to(Device)
            .MoveToOuterDisposeScope();
    }
}

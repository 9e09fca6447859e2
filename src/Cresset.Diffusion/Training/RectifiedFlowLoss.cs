using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Weights of the squared error by noise level.</summary>
public enum LossWeighting
{
    /// <summary>1.</summary>
    None,

    /// <summary>1 / sigma² (called sigma_sqrt by the diffusers scripts).</summary>
    InverseSquare,

    /// <summary>2 / (pi (1 - 2 sigma + 2 sigma²)).</summary>
    CosMap,
}

/// <summary>How Stable Diffusion 3 is trained.</summary>
public sealed record RectifiedFlowOptions : IOptionsRecord
{
    /// <summary>How times are drawn.</summary>
    public TrainingTimes Times { get; init; } = TrainingTimes.LogitNormal;

    /// <summary>Weights of the error.</summary>
    public LossWeighting Weighting { get; init; }

    /// <summary>
    /// Compare data predictions (x_t - sigma v with x_0) instead of velocities, as the diffusers scripts do by default; it multiplies the
    /// weights by sigma².
    /// </summary>
    public bool PredictData { get; init; }

    /// <summary>
    /// Take the time from the falling table of shifted training times at index floor(1000 u), as the diffusers scripts do;
    /// otherwise u itself, shifted, is the noise level.
    /// </summary>
    public bool UseTrainingTable { get; init; }

    /// <summary>Shift of the noise levels.</summary>
    public double Shift { get; init; } = 3;

    /// <summary>Probability that a text encoder's output is replaced by zeros, each encoder on its own (46.4% in the paper).</summary>
    public double EncoderDropout { get; init; } = 0.464;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Times is { Deviation: > 0, ModeScale: >= -1 and <= 1.7519 }, Times, "a positive Deviation and a ModeScale from -1 to 1.7519",
            field: nameof(Times))
        .Defined(Weighting)
        .Positive(Shift)
        .Within(EncoderDropout, 0, 1);
}

/// <summary>The rectified-flow loss of an <see cref="MmDit"/> on latents and text embeddings.</summary>
public static class RectifiedFlowLoss
{
    /// <summary>The loss of a batch at freshly drawn times and noise.</summary>
    /// <param name="model">The transformer.</param>
    /// <param name="latents">Scaled latents [N, C, H, W].</param>
    /// <param name="context">Text embeddings [N, T, D].</param>
    /// <param name="pooled">Pooled embeddings [N, P].</param>
    /// <param name="options">Times, weights and prediction.</param>
    /// <param name="generator">Source of times and noise.</param>
    public static Tensor Draw(MmDit model, Tensor latents, Tensor context, Tensor pooled, RectifiedFlowOptions options, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(latents);
        ArgumentNullException.ThrowIfNull(options);
        using var scope = NewDisposeScope();
        var noise = randn(latents.shape, ScalarType.Float32, CPU, generator: generator).to(latents.device);
        var u = options.ThrowIfInvalid().Times.Draw(latents.size(0), generator).to(latents.device);
        return At(model, latents, noise, Sigmas(u, options), context, pooled, options).MoveToOuterDisposeScope();
    }

    /// <summary>Noise levels [N] for drawn values u in (0, 1).</summary>
    public static Tensor Sigmas(Tensor u, RectifiedFlowOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using var scope = NewDisposeScope();
        if (!options.UseTrainingTable) return u.mul(options.Shift).div(u.mul(options.Shift - 1).add_(1)).MoveToOuterDisposeScope();
        var table = tensor(NoiseTable.Training(new ScheduleOptions { Shift = options.Shift })).to(u.device);
        return table.index_select(0, u.mul(table.numel()).to(ScalarType.Int64).clamp(0, table.numel() - 1)).div(1000)
            .MoveToOuterDisposeScope();
    }

    /// <summary>The loss at given noise and noise levels [N].</summary>
    public static Tensor At(MmDit model, Tensor latents, Tensor noise, Tensor sigmas, Tensor context, Tensor pooled,
        RectifiedFlowOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(sigmas);
        ArgumentNullException.ThrowIfNull(options);
        using var scope = NewDisposeScope();
        var s = sigmas.view(-1, 1, 1, 1);
        var state = latents * (1 - s) + noise * s;
        var velocity = model.Forward(state, sigmas * 1000, context, pooled).to(ScalarType.Float32);
        var error = options.PredictData ? state - velocity * s - latents : velocity - (noise - latents);
        return error.square().mul(Weights(s, options.Weighting)).mean().MoveToOuterDisposeScope();
    }

    /// <summary>Weights for noise levels of any shape.</summary>
    public static Tensor Weights(Tensor sigmas, LossWeighting weighting)
    {
        ArgumentNullException.ThrowIfNull(sigmas);
        using var scope = NewDisposeScope();
        var w = weighting switch
        {
            LossWeighting.InverseSquare => sigmas.pow(-2),
            LossWeighting.CosMap => (2 / Math.PI) / (1 - (2 * sigmas) + (2 * sigmas.square())),
            _ => ones_like(sigmas),
        };
        return w.MoveToOuterDisposeScope();
    }
}

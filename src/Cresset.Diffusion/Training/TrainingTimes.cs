using Cresset.Flows;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>How training times are spread (section 3.1 of the SD3 paper).</summary>
public enum TrainingTimeKind
{
    /// <summary>Evenly.</summary>
    Uniform,

    /// <summary>The logit is normal: rf/lognorm(mean, deviation), the paper's choice.</summary>
    LogitNormal,

    /// <summary>rf/mode(scale): heavier in the middle for a positive scale.</summary>
    Mode,

    /// <summary>The log signal-to-noise ratios of the cosine schedule.</summary>
    CosMap,
}

/// <summary>
/// Draws training times in (0, 1), 1 being noise, with the same numbers as the reference for the same generator (single precision, drawn on
/// the CPU).
/// </summary>
/// <param name="Kind">The density.</param>
/// <param name="Mean">Mean of the logit (logit-normal).</param>
/// <param name="Deviation">Deviation of the logit (logit-normal).</param>
/// <param name="ModeScale">Scale s of the mode density, -1 to 1.752.</param>
public sealed record TrainingTimes(TrainingTimeKind Kind = TrainingTimeKind.LogitNormal, double Mean = 0, double Deviation = 1,
    double ModeScale = 1.29)
{
    /// <summary>rf/lognorm(0, 1).</summary>
    public static TrainingTimes LogitNormal { get; } = new();

    /// <summary>Evenly spread times.</summary>
    public static TrainingTimes Uniform { get; } = new(TrainingTimeKind.Uniform);

    /// <summary>Times [count], single precision.</summary>
    public Tensor Draw(long count, Generator generator)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (Kind == TrainingTimeKind.LogitNormal)
            return randn(count, generator: generator).mul_(Deviation).add_(Mean).sigmoid_().MoveToOuterDisposeScope();
        return FromUniform(rand(count, generator: generator)).MoveToOuterDisposeScope();
    }

    /// <summary>The density as the flows library describes it.</summary>
    public TimestepDensity Density() => Kind switch
    {
        TrainingTimeKind.LogitNormal => new LogitNormalDensity(Mean, Deviation),
        TrainingTimeKind.Mode => new ModeDensity(ModeScale),
        TrainingTimeKind.CosMap => TimestepDensity.CosMap,
        _ => TimestepDensity.Uniform,
    };

    /// <summary>Times for evenly spread values u in [0, 1) (not for the logit-normal density, which is drawn from normal values).</summary>
    internal Tensor FromUniform(Tensor u) => Density().FromUniform(u);
}

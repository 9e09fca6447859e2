using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// A Gaussian probability path x_t = alpha(t) x_1 + sigma(t) x_0 from the source x_0 at t = 0 (noise) to the data x_1 at t = 1 (Lipman et
/// al. 2023). Times are tensors [N]; coefficients are of the same shape. A convention where t = 1 is noise, as in Stable Diffusion 3, is
/// the time 1 - t here.
/// </summary>
public abstract class ProbabilityPath
{
    /// <summary>The straight path of conditional optimal transport and of rectified flow.</summary>
    public static ProbabilityPath CondOt { get; } = new CondOtPath();

    /// <summary>alpha = sin(pi t / 2), sigma = cos(pi t / 2).</summary>
    public static ProbabilityPath Cosine { get; } = new CosinePath();

    /// <summary>alpha = t, sigma = sqrt(1 - t^2).</summary>
    public static ProbabilityPath LinearVariancePreserving { get; } = new LinearVariancePreservingPath();

    /// <summary>The weight of the data.</summary>
    public abstract Tensor Alpha(Tensor t);

    /// <summary>The weight of the source.</summary>
    public abstract Tensor Sigma(Tensor t);

    /// <summary>Derivative of <see cref="Alpha"/>.</summary>
    public abstract Tensor AlphaRate(Tensor t);

    /// <summary>Derivative of <see cref="Sigma"/>; infinite at t = 1 for the variance-preserving paths.</summary>
    public abstract Tensor SigmaRate(Tensor t);

    /// <summary>The time at which alpha / sigma has the given value.</summary>
    public abstract Tensor TimeOfRatio(Tensor ratio);

    /// <summary>The path's point: alpha x_1 + sigma x_0. Shapes [N, ...], times [N].</summary>
    public Tensor Interpolate(Tensor source, Tensor data, Tensor t) => Blend(data, Alpha, source, Sigma, t);

    /// <summary>The conditional velocity: alpha' x_1 + sigma' x_0, the target of flow matching.</summary>
    public Tensor Velocity(Tensor source, Tensor data, Tensor t) => Blend(data, AlphaRate, source, SigmaRate, t);

    /// <summary>The velocity at x_t where the data is predicted to be <paramref name="data"/>.</summary>
    public Tensor VelocityFromData(Tensor data, Tensor state, Tensor t)
        => Convert(t, data, state, static c => (c.AlphaRate * c.Sigma - c.SigmaRate * c.Alpha) / c.Sigma,
            static c => c.SigmaRate / c.Sigma);

    /// <summary>The velocity at x_t where the source is predicted to be <paramref name="source"/>.</summary>
    public Tensor VelocityFromSource(Tensor source, Tensor state, Tensor t)
        => Convert(t, source, state, static c => (c.SigmaRate * c.Alpha - c.AlphaRate * c.Sigma) / c.Alpha,
            static c => c.AlphaRate / c.Alpha);

    /// <summary>The data that a velocity at x_t points to.</summary>
    public Tensor DataFromVelocity(Tensor velocity, Tensor state, Tensor t)
        => Convert(t, velocity, state, static c => c.Sigma / c.Determinant, static c => -c.SigmaRate / c.Determinant);

    /// <summary>The source that a velocity at x_t comes from.</summary>
    public Tensor SourceFromVelocity(Tensor velocity, Tensor state, Tensor t)
        => Convert(t, velocity, state, static c => -c.Alpha / c.Determinant, static c => c.AlphaRate / c.Determinant);

    /// <summary>The source where the data is known: (x_t - alpha x_1) / sigma.</summary>
    public Tensor SourceFromData(Tensor data, Tensor state, Tensor t)
        => Convert(t, data, state, static c => -c.Alpha / c.Sigma, static c => 1 / c.Sigma);

    /// <summary>The data where the source is known: (x_t - sigma x_0) / alpha.</summary>
    public Tensor DataFromSource(Tensor source, Tensor state, Tensor t)
        => Convert(t, source, state, static c => -c.Sigma / c.Alpha, static c => 1 / c.Alpha);

    /// <summary>The score of p_t where the source is standard normal and predicted: -x_0 / sigma.</summary>
    public Tensor ScoreFromVelocity(Tensor velocity, Tensor state, Tensor t)
    {
        using var scope = NewDisposeScope();
        return (-SourceFromVelocity(velocity, state, t) / Align(Sigma(t), state)).MoveToOuterDisposeScope();
    }

    /// <summary>t [N] or a scalar tensor, shaped to multiply a tensor [N, ...].</summary>
    internal static Tensor Align(Tensor t, Tensor like)
    {
        if (t.dim() == 0) return t.alias();
        if (t.dim() != 1 || t.size(0) != like.size(0))
            throw Cresset.Tensors.Shape.Wrong(t, $"[{like.size(0)}]", "One time for each sample.");
        var shape = new long[like.dim()];
        Array.Fill(shape, 1);
        shape[0] = t.size(0);
        return t.reshape(shape);
    }

    private static Tensor Blend(Tensor first, Func<Tensor, Tensor> firstWeight, Tensor second, Func<Tensor, Tensor> secondWeight, Tensor t)
    {
        if (!first.shape.SequenceEqual(second.shape))
            throw Cresset.Tensors.Shape.Wrong(second, Cresset.Tensors.Shape.Text(first), "Source and data are paired sample by sample.");
        using var scope = NewDisposeScope();
        return (first * Align(firstWeight(t), first) + second * Align(secondWeight(t), second)).MoveToOuterDisposeScope();
    }

    private Tensor Convert(Tensor t, Tensor given, Tensor state, Func<Coefficients, Tensor> givenWeight,
        Func<Coefficients, Tensor> stateWeight)
    {
        using var scope = NewDisposeScope();
        var c = new Coefficients(Align(Alpha(t), state), Align(Sigma(t), state), Align(AlphaRate(t), state), Align(SigmaRate(t), state));
        return (givenWeight(c) * given + stateWeight(c) * state).MoveToOuterDisposeScope();
    }

    private sealed record Coefficients(Tensor Alpha, Tensor Sigma, Tensor AlphaRate, Tensor SigmaRate)
    {
        public Tensor Determinant => AlphaRate * Sigma - SigmaRate * Alpha;
    }
}

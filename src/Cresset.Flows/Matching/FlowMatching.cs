using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// A batch for the regression of flow matching: feed <see cref="State"/> (not the data) and <see cref="Time"/> to the model.
/// </summary>
/// <param name="Time">Times [N].</param>
/// <param name="State">Points on the path [N, ...]: the model's input.</param>
/// <param name="Velocity">Conditional velocities [N, ...]: the model's target.</param>
public sealed record MatchingBatch(Tensor Time, Tensor State, Tensor Velocity) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Time.Dispose();
        State.Dispose();
        Velocity.Dispose();
    }
}

/// <summary>The training side of flow matching and rectified flow.</summary>
public static class FlowMatching
{
    /// <summary>Draws times and the points and velocities of a path between paired samples.</summary>
    /// <param name="source">Source samples x_0 [N, ...], usually standard normal.</param>
    /// <param name="data">Data x_1 [N, ...].</param>
    /// <param name="path">The path; null takes the straight one.</param>
    /// <param name="density">How times are drawn; null takes uniform times.</param>
    /// <param name="generator">Source of randomness.</param>
    /// <exception cref="ArgumentException">Shapes differ.</exception>
    public static MatchingBatch Draw(Tensor source, Tensor data, ProbabilityPath? path = null, TimestepDensity? density = null,
        Generator? generator = null)
    {
        using var scope = NewDisposeScope();
        var t = (density ?? TimestepDensity.Uniform).Sample(data.size(0), generator, data.device).to(data.dtype);
        return At(source, data, t, path).Move();
    }

    /// <summary>As <see cref="Draw"/>, at given times [N].</summary>
    public static MatchingBatch At(Tensor source, Tensor data, Tensor time, ProbabilityPath? path = null)
    {
        path ??= ProbabilityPath.CondOt;
        return new MatchingBatch(time.alias(), path.Interpolate(source, data, time), path.Velocity(source, data, time));
    }

    /// <summary>Mean squared error of a predicted velocity, optionally weighted per sample [N].</summary>
    public static Tensor Loss(Tensor predicted, Tensor target, Tensor? weights = null)
    {
        if (!predicted.shape.SequenceEqual(target.shape))
            throw Cresset.Tensors.Shape.Wrong(predicted, Cresset.Tensors.Shape.Text(target),
                "The model must return one velocity for each element of its input.");
        using var scope = NewDisposeScope();
        var squares = (predicted - target).square();
        if (weights is not null) squares = squares * ProbabilityPath.Align(weights, squares);
        return squares.mean().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Adds noise of the given deviation to the points of a batch: the path of I-CFM (Tong et al. 2023), N(x_t, deviation^2).
    /// </summary>
    public static MatchingBatch Blur(MatchingBatch batch, double deviation, Generator? generator = null)
    {
        if (!(deviation >= 0)) throw new ArgumentOutOfRangeException(nameof(deviation), deviation, "The deviation must be at least 0.");
        using var scope = NewDisposeScope();
        var noise = randn(batch.State.shape, dtype: batch.State.dtype, device: CPU, generator: generator).to(batch.State.device);
        return new MatchingBatch(batch.Time.alias(), batch.State + noise * deviation, batch.Velocity.alias()).Move();
    }

    private static MatchingBatch Move(this MatchingBatch batch)
    {
        batch.Time.MoveToOuterDisposeScope();
        batch.State.MoveToOuterDisposeScope();
        batch.Velocity.MoveToOuterDisposeScope();
        return batch;
    }
}

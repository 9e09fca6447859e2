using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Straightens a trained flow (Liu et al. 2023): a second model is trained on the pairs that the first one makes.</summary>
public static class Reflow
{
    /// <summary>
    /// Pairs of source samples and the data that the field carries them to: train with <see cref="FlowMatching.Draw"/> on them for a
    /// 2-rectified flow.
    /// </summary>
    /// <param name="field">The trained field; the context of one made by <see cref="VelocityModels.Field"/> or
    /// <see cref="VelocityModels.Guided"/> is cut like the source.</param>
    /// <param name="source">Source samples [N, ...].</param>
    /// <param name="options">Solver; null takes dopri5 at 1e-4.</param>
    /// <param name="batchSize">Samples solved together.</param>
    /// <param name="progress">Told the number of pairs made.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public static (Tensor Source, Tensor Data) Pairs(VelocityField field, Tensor source, OdeOptions? options = null, int batchSize = 2048,
        IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(field);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        if (source.dim() == 0 || source.size(0) == 0)
            throw Cresset.Tensors.Shape.Wrong(source, "at least one sample", "There is no pair without a source.");
        using var scope = NewDisposeScope();
        List<Tensor> parts = [];
        for (long start = 0; start < source.size(0); start += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(batchSize, source.size(0) - start);
            var some = field.Target is ConditionedField conditioned ? conditioned.Rows(start, count, source.size(0)) : field;
            parts.Add(FlowSampler.Sample(some, source.narrow(0, start, count), options).Samples);
            progress?.Report((int)(start + count));
        }
        return (source.alias().MoveToOuterDisposeScope(), cat(parts).MoveToOuterDisposeScope());
    }

    /// <summary>
    /// The loss of one-step distillation: the velocity at t = 0 must point from the source to the data that belongs to it.
    /// </summary>
    public static Tensor DistillationLoss(IVelocityModel model, Tensor source, Tensor data, Tensor? context = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var scope = NewDisposeScope();
        var time = zeros(source.size(0), dtype: source.dtype, device: source.device);
        return FlowMatching.Loss(model.Velocity(source, time, context), data - source).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// How far a field is from straight: the mean over times of |x_1 - x_0 - u(x_t, t)|^2 along its own paths, one value per sample
    /// averaged; 0 for straight lines at constant speed.
    /// </summary>
    /// <param name="field">The field.</param>
    /// <param name="source">Source samples [N, ...].</param>
    /// <param name="steps">Euler steps of the path.</param>
    public static double Straightness(VelocityField field, Tensor source, int steps = 100)
    {
        ArgumentNullException.ThrowIfNull(field);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var x = source.alias();
        List<Tensor> velocities = [];
        for (var i = 0; i < steps; i++)
        {
            var v = field((double)i / steps, x);
            velocities.Add(v);
            x = x + v / steps;
        }
        var whole = x - source;
        return velocities.Average(v => (whole - v).flatten(1).square().sum(1).mean().ToDouble());
    }
}

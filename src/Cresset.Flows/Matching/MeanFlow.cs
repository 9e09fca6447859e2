using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A model of the average velocity between two times: x_to = x_from + (to - from) u(x_from, from, to).</summary>
public interface IAverageVelocityModel
{
    /// <summary>
    /// The average velocity from states [N, ...] at times <paramref name="from"/> [N] to times <paramref name="to"/> [N]; differentiable in
    /// all of them.
    /// </summary>
    Tensor Average(Tensor state, Tensor from, Tensor to, Tensor? context = null);
}

/// <summary>
/// Mean flows (Geng et al. 2025): a model of average velocities, trained from data alone, makes a sample in one step or in a few. Time runs
/// from the source at 0 to the data at 1, so the identity that is regressed on reads u = v + (to - from) du/dfrom along the path.
/// </summary>
public static class MeanFlow
{
    /// <summary>
    /// The loss of a batch: the squared distance to the target of the identity, whose derivative along the path is taken by two backward
    /// passes.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="source">Source samples x_0 [N, ...].</param>
    /// <param name="data">Data x_1 [N, ...], paired row by row.</param>
    /// <param name="context">Condition of the model.</param>
    /// <param name="instantShare">Share of samples with to = from, where the target is the plain velocity of flow matching; the paper takes
    /// 0.75.</param>
    /// <param name="power">Weights 1 / (error + 1e-3)^power, robust against rare large errors; 0 for plain squares, 1 as in the
    /// paper.</param>
    /// <param name="generator">Source of randomness.</param>
    public static Tensor Loss(IAverageVelocityModel model, Tensor source, Tensor data, Tensor? context = null, double instantShare = 0.75,
        double power = 1, Generator? generator = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(data);
        if (!source.shape.SequenceEqual(data.shape)) throw Shape.Wrong(data, Shape.Text(source), "Source and data are paired row by row.");
        if (!(instantShare >= 0 && instantShare <= 1))
            throw new ArgumentOutOfRangeException(nameof(instantShare), instantShare, "A share lies in [0, 1].");
        if (!(power >= 0) || !double.IsFinite(power))
            throw new ArgumentOutOfRangeException(nameof(power), power, "The power must be finite and at least 0.");
        using var scope = NewDisposeScope();
        var count = source.size(0);
        Tensor Draw() => rand(count, generator: generator).to(data.dtype).to(data.device);
        Tensor first = Draw(), second = Draw();
        Tensor from = minimum(first, second), to = maximum(first, second);
        to = where(Draw() < instantShare, from, to);
        var shape = (long[])[count, .. Enumerable.Repeat(1L, (int)data.dim() - 1)];
        var velocity = data - source;
        var state = source + velocity * from.reshape(shape);
        var target = (velocity + (to - from).reshape(shape) * Along(model, state, from, to, velocity, context)).detach();
        var squares = (model.Average(state, from, to, context) - target).square().reshape(count, -1).mean([1]);
        if (power > 0) squares = squares / (squares.detach() + 1e-3).pow(power);
        return squares.mean().MoveToOuterDisposeScope();
    }

    /// <summary>Carries source samples to data in the given number of steps.</summary>
    public static Tensor Sample(IAverageVelocityModel model, Tensor source, int steps = 1, Tensor? context = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var x = source.alias();
        for (var i = 0; i < steps; i++)
        {
            Tensor from = full(x.size(0), (double)i / steps, dtype: x.dtype, device: x.device),
                to = full(x.size(0), (i + 1.0) / steps, dtype: x.dtype, device: x.device);
            x = x + model.Average(x, from, to, context) / steps;
        }
        return x.MoveToOuterDisposeScope();
    }

    // du/dfrom = v . du/dx + du/dt: a forward derivative as the derivative of a backward pass by its cotangent.
    private static Tensor Along(IAverageVelocityModel model, Tensor state, Tensor from, Tensor to, Tensor velocity, Tensor? context)
    {
        using var grad = enable_grad();
        Tensor x = state.detach().requires_grad_(true), time = from.detach().requires_grad_(true);
        var u = model.Average(x, time, to.detach(), context);
        var cotangent = zeros_like(u).requires_grad_(true);
        var back = Derivatives.Of([u], [x, time], [cotangent], createGraph: true);
        var product = (back[0] ?? throw new InvalidOperationException("The model does not depend on its state.")).mul(velocity.detach())
            .sum();
        if (back[1] is { } byTime) product = product + byTime.sum();
        return Derivatives.Of([product], [cotangent])[0] ?? zeros_like(u);
    }
}

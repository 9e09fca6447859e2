using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Solves whose gradients reach the parameters of the field without keeping the graph of all steps.</summary>
public static class TrainableOde
{
    /// <summary>
    /// Solves as <see cref="Ode.Solve(VelocityField, Tensor, IReadOnlyList{double}, OdeOptions)"/> with the gradient method asked for.
    /// </summary>
    /// <param name="field">The field.</param>
    /// <param name="parameters">
    /// Every tensor the field depends on that needs a gradient: weights, and conditions that an embedding made too. Tensors that are not
    /// named here get a gradient from <see cref="OdeGradient.Direct"/> alone; the other methods refuse them where they can be told.
    /// </param>
    /// <param name="initial">State at the first time.</param>
    /// <param name="times">Strictly monotone times.</param>
    /// <param name="options">Settings of the forward solve.</param>
    /// <param name="gradient">The method.</param>
    /// <param name="adjoint">Settings of the backward solve of <see cref="OdeGradient.Adjoint"/>; null takes those of the forward
    /// solve.</param>
    /// <param name="seminorm">Leave the parameters' gradients out of the adjoint's error norm (Kidger et al. 2021): fewer steps, gradients
    /// as accurate.</param>
    /// <returns>The solution, and the record of the backward pass, which is filled when that has run.</returns>
    public static (OdeSolution Solution, BackwardRecord Backward) Solve(
        VelocityField field,
        IReadOnlyList<Tensor> parameters,
        Tensor initial,
        IReadOnlyList<double> times,
        OdeOptions? options = null,
        OdeGradient gradient = OdeGradient.Adjoint,
        OdeOptions? adjoint = null,
        bool seminorm = false)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        options = (options ?? new OdeOptions()).ThrowIfInvalid();
        var record = new BackwardRecord();
        if (gradient == OdeGradient.Direct || !is_grad_enabled()) return (Ode.Solve(field, initial, times, options), record);
        Ode.Check(field, initial, times);
        CapturedTensors.CheckUnnamed(field, parameters, times[0], initial);
        return Record(field, parameters, initial, times, options, gradient, adjoint, seminorm, record);
    }

    /// <summary>As the public one; tensors in <paramref name="owned"/> are kept for the field and freed by the backward pass.</summary>
    internal static (OdeSolution Solution, BackwardRecord Backward) Record(
        VelocityField field,
        IReadOnlyList<Tensor> parameters,
        Tensor initial,
        IReadOnlyList<double> times,
        OdeOptions options,
        OdeGradient gradient,
        OdeOptions? adjoint,
        bool seminorm,
        BackwardRecord record,
        IReadOnlyList<Tensor>? owned = null)
    {
        Ode.Check(field, initial, times);
        if (HalfStates.Are(initial))
        {
            using var whole = NewDisposeScope();
            var wide = Record(HalfStates.Widened(field, initial.dtype), parameters, initial.to(ScalarType.Float32), times, options,
                gradient, adjoint, seminorm, record, owned).Solution;
            return (new OdeSolution([.. times], wide.States.to(initial.dtype).MoveToOuterDisposeScope(), wide.Statistics), record);
        }
        var problem = new OdeProblem(field, [.. parameters], [.. times], options, (adjoint ?? options).ThrowIfInvalid(), seminorm, record,
            owned ?? []);
        using var scope = NewDisposeScope();
        Tensor[] inputs = [initial, .. parameters];
        var states = gradient switch
        {
            OdeGradient.Adjoint => new AdjointFunction(problem).Apply(inputs),
            OdeGradient.Checkpoint => new CheckpointFunction(problem).Apply(inputs),
            _ => throw new ArgumentOutOfRangeException(nameof(gradient), gradient, "Unknown gradient method."),
        };
        return (new OdeSolution([.. times], states.MoveToOuterDisposeScope(), problem.Forward), record);
    }
}

/// <summary>
/// What the backward pass of a solve did. <c>loss.backward()</c> gives an error without its cause (<see cref="Derivatives.Backward"/> gives
/// both): the exception is kept here.
/// </summary>
public sealed class BackwardRecord
{
    /// <summary>What the backward pass cost; zero before it ran.</summary>
    public OdeStatistics Statistics { get; internal set; }

    /// <summary>Why the backward pass failed; null when it did not.</summary>
    public Exception? Failure { get; internal set; }
}

/// <summary>Everything the backward pass needs to know.</summary>
internal sealed class OdeProblem(VelocityField velocity, Tensor[] parameters, double[] times, OdeOptions options, OdeOptions adjoint,
    bool seminorm, BackwardRecord record, IReadOnlyList<Tensor> owned)
{
    public VelocityField Field => velocity;

    public Tensor[] Parameters => parameters;

    public double[] Times => times;

    public OdeOptions Options => options;

    public OdeOptions Adjoint => adjoint;

    public bool Seminorm => seminorm;

    public BackwardRecord Record => record;

    public OdeStatistics Forward { get; set; }

    /// <summary>The gradients; keeps the exception when <paramref name="compute"/> throws.</summary>
    public Tensor?[] Guard(Tensor?[] gradients, Func<Tensor?[]> compute)
    {
        if (is_grad_enabled())
            throw new NotSupportedException(
                "A solve with this gradient method has first derivatives only: take gradients without create_graph, or use "
                    + "OdeGradient.Direct.");
        try
        {
            var found = Finite(compute(), gradients);
            if (!AutogradNative.KeepsGraph)
            {
                foreach (var tensor in owned) tensor.Dispose();
            }
            return found;
        }
        catch (Exception failure)
        {
            record.Failure = failure;
            throw;
        }
    }

    // NaN in a gradient would end in every weight without a word; infinite ones that came in belong to the loss, not to the solve.
    private Tensor?[] Finite(Tensor?[] found, Tensor?[] given)
    {
        using var scope = NewDisposeScope();
        if (given.Any(g => g is not null && !g.isfinite().all().ToBoolean())) return found;
        for (var i = 0; i < found.Length; i++)
        {
            if (found[i] is not { } gradient || gradient.isfinite().all().ToBoolean()) continue;
            var what = i == 0 ? "the initial state"
                : $"parameter {i - 1} of {parameters.Length}, shape {Cresset.Tensors.Shape.Text(parameters[i - 1])}";
            throw new ArithmeticException(
                $"The gradient of a solve from t = {times[0]:g6} to {times[^1]:g6} by {options.Method} is not finite, first that to "
                    + $"{what}: the field's derivative overflows or is not defined on the path. Tighten the tolerances, lower the learning "
                    + $"rate, or look at the field where its states are largest.");
        }
        return found;
    }
}

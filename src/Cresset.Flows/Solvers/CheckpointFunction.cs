using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Keeps the state at each accepted step; the backward pass repeats one step at a time with a graph (adaptive checkpoint adjoint, Zhuang et
/// al. 2020).
/// </summary>
internal sealed class CheckpointFunction(OdeProblem problem) : DifferentiableOperation
{
    private Tensor? _checkpoints;
    private double[] _instants = [];

    protected override Tensor[] Forward(Tensor[] inputs)
    {
        var initial = inputs[0];
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        // Steps must end at the requested times: a value between two checkpoints would need a graph of its own.
        var options = problem.Options with { Output = OdeOutput.Landing };
        var times = problem.Times;
        using var integrator = Ode.Make(problem.Field, initial, options.Method.IsAdaptive() ? times : WithStops(times, options),
            options with { Steps = 0, StepSize = 0 }, null);
        List<Tensor> checkpoints = [initial.alias()];
        List<double> instants = [times[0]];
        List<Tensor> states = [initial.alias()];
        while (states.Count < times.Length)
        {
            integrator.Advance(null);
            checkpoints.Add(integrator.State.alias());
            instants.Add(integrator.Time);
            if (integrator.Time == times[states.Count]) states.Add(checkpoints[^1]);
        }
        Ode.RequireFinite(states[^1], states, times, options.Method);
        problem.Forward = integrator.Statistics;
        _instants = [.. instants];
        // Saved when this method has returned: it must outlive the scope here.
        _checkpoints = stack(checkpoints).MoveToOuterDisposeScope();
        return [stack(states).MoveToOuterDisposeScope()];
    }

    protected override Tensor[] Saved(Tensor[] inputs)
    {
        var saved = _checkpoints!;
        _checkpoints = null;
        return [saved];
    }

    protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients)
        => problem.Guard(gradients, () => Backward(problem, _instants, saved[0], gradients[0] ?? zeros_like(saved[0])));

    private static Tensor?[] Backward(OdeProblem problem, double[] instants, Tensor checkpoints, Tensor grad)
    {
        using var scope = NewDisposeScope();
        var tableau = ButcherTableau.Of(problem.Options.Method);
        var output = problem.Times.Length - 1;
        var adjoint = grad[output].clone();
        // Sums of many small contributions: 16 bits would round them away.
        var gradients = problem.Parameters
            .Select(p => HalfStates.Are(p) ? zeros_like(p, dtype: ScalarType.Float32) : zeros_like(p)).ToArray();
        var evaluations = 0;
        Tensor Field(double time, Tensor state)
        {
            evaluations++;
            return problem.Field(time, state);
        }
        for (var i = instants.Length - 2; i >= 0; i--)
        {
            using var step = NewDisposeScope();
            using var grads = enable_grad();
            var state = checkpoints[i].detach().requires_grad_(true);
            var (from, to) = (instants[i], instants[i + 1]);
            var next = problem.Options.Method == OdeMethod.Rodas4
                ? RosenbrockStep.Take(Field, from, to - from, state, Field(from, state), problem.Options.IndependentRows).State
                : RungeKuttaStep.Take(tableau, Field, from, to, to - from, state, Field(from, state)).State;
            List<Tensor> inputs = [state, .. problem.Parameters];
            var found = Derivatives.Of([next], inputs, [adjoint]);
            using var noGrad = no_grad();
            for (var p = 0; p < gradients.Length; p++)
            {
                if (found[p + 1] is { } g) gradients[p].add_(g);
            }
            var carried = found[0] ?? zeros_like(state);
            if (output > 0 && instants[i] == problem.Times[output - 1]) carried = carried + grad[--output];
            adjoint = carried.detach().MoveToOuterDisposeScope();
        }
        problem.Record.Statistics += new OdeStatistics(evaluations, instants.Length - 1, 0);
        return [adjoint.MoveToOuterDisposeScope(),
            .. gradients.Select((g, p) => g.to(problem.Parameters[p].dtype).MoveToOuterDisposeScope())];
    }

    // The grid of a fixed-step method, with the requested times added to it.
    private static double[] WithStops(double[] times, OdeOptions options)
    {
        var sorted = FixedStepIntegrator.Grid(times, options).Concat(times).Distinct();
        return [.. times[^1] > times[0] ? sorted.Order() : sorted.OrderDescending()];
    }
}

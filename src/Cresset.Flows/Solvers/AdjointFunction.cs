using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// The continuous adjoint: da/dt = -a df/dy, dg/dt = -a df/dp, solved from the last time to the first (Chen et al. 2018, algorithm 2).
/// </summary>
internal sealed class AdjointFunction(OdeProblem problem) : DifferentiableOperation
{
    private Tensor? _states;

    protected override Tensor[] Forward(Tensor[] inputs)
    {
        using var noGrad = no_grad();
        var solution = Ode.Solve(problem.Field, inputs[0], problem.Times, problem.Options);
        problem.Forward = solution.Statistics;
        _states = solution.States.detach();
        return [solution.States];
    }

    protected override Tensor[] Saved(Tensor[] inputs)
    {
        var saved = _states!;
        _states = null;
        return [saved];
    }

    protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients) =>
        problem.Guard(gradients, () => Backward(problem, saved[0], gradients[0] ?? zeros_like(saved[0])));

    private static Tensor?[] Backward(OdeProblem problem, Tensor states, Tensor grad)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var size = states[0].numel();
        var lengths = problem.Parameters.Select(p => p.numel()).ToArray();
        var total = lengths.Sum();
        long[] parts = problem.Seminorm || total == 0 ? [size, size] : [size, size, total];
        var mixed = ErrorNorms.Mixed(parts);
        Func<Tensor, double> norm = problem.Seminorm ? error => mixed(error.narrow(0, 0, 2 * size)) : mixed;
        var adjoint = grad[-1].flatten();
        var gradient = zeros(total, dtype: states.dtype, device: states.device);
        var field = Augmented(problem, states[0].shape, size);
        for (var i = problem.Times.Length - 1; i > 0; i--)
        {
            var start = cat([states[i].flatten(), adjoint, gradient]);
            var solution = Ode.Solve(field, start, [problem.Times[i], problem.Times[i - 1]], problem.Adjoint, norm);
            problem.Record.Statistics += solution.Statistics;
            var final = solution.Final;
            adjoint = final.narrow(0, size, size) + grad[i - 1].flatten();
            gradient = final.narrow(0, 2 * size, total);
        }
        List<Tensor?> result = [adjoint.reshape(states[0].shape).MoveToOuterDisposeScope()];
        var offset = 0L;
        for (var i = 0; i < lengths.Length; i++)
        {
            result.Add(gradient.narrow(0, offset, lengths[i]).reshape(problem.Parameters[i].shape).clone().to(problem.Parameters[i].dtype)
                .MoveToOuterDisposeScope());
            offset += lengths[i];
        }
        return [.. result];
    }

    private static VelocityField Augmented(OdeProblem problem, long[] shape, long size) => (time, flat) =>
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        var state = flat.narrow(0, 0, size).reshape(shape).detach().requires_grad_(true);
        var slope = problem.Field(time, state);
        List<Tensor> slopes = [slope.detach().flatten()];
        List<Tensor> inputs = [state, .. problem.Parameters];
        if (slope.requires_grad)
        {
            var cotangent = flat.narrow(0, size, size).detach().neg().reshape(shape);
            var gradients = Derivatives.Of([slope], inputs, [cotangent]);
            slopes.AddRange(gradients.Select((g, i) => (g ?? zeros_like(inputs[i])).flatten()));
        }
        else
        {
            slopes.AddRange(inputs.Select(input => zeros_like(input).flatten()));
        }
        return cat(slopes).detach().MoveToOuterDisposeScope();
    };
}

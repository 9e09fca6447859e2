using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// One step of RODAS (Hairer and Wanner 1996, IV.7, table 7.2 in the form of their code): six linear systems with one matrix 1 / (gamma h)
/// - J instead of a nonlinear one; order 4(3), stiffly accurate, so that fast transients die out at any step.
/// </summary>
internal static class RosenbrockStep
{
    // A full Jacobian of more values is too dear to make and to factor.
    private const long Most = 4096;
    private const double Gamma = 0.25;
    private static readonly double[] Nodes = [0, 0.386, 0.21, 0.63, 1, 1];
    private static readonly double[] TimeWeights = [0.25, -0.1043, 0.1035, -0.0362, 0, 0];

    private static readonly double[][] Stages =
    [
        [],
        [1.544],
        [0.9466785280815826, 0.2557011698983284],
        [3.314825187068521, 2.896124015972201, 0.9986419139977817],
        [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950],
        [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1],
    ];

    private static readonly double[][] Couplings =
    [
        [],
        [-5.6688],
        [-2.430093356833875, -0.2063599157091915],
        [-0.1073529058151375, -9.594562251023355, -20.47028614809616],
        [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160],
        [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054],
    ];

    /// <summary>The state at the end and the error estimate.</summary>
    /// <param name="field">The field.</param>
    /// <param name="time">Start of the step.</param>
    /// <param name="step">Its signed length.</param>
    /// <param name="state">The state there.</param>
    /// <param name="slope">The slope there.</param>
    /// <param name="independentRows">Each row of a state [N, ...] has a Jacobian of its own.</param>
    public static (Tensor State, Tensor Error) Take(VelocityField field, double time, double step, Tensor state, Tensor slope,
        bool independentRows)
    {
        var rows = independentRows && state.dim() > 1 ? state.size(0) : 1;
        var size = state.numel() / Math.Max(1, rows);
        if (size > Most)
            throw new NotSupportedException(
                $"Rodas4 needs the Jacobian of {size} values; at most {Most} are taken. Set IndependentRows where the rows of the state do "
                    + $"not depend on each other, or use an explicit method.");
        long[] flat = [rows, size];
        var jacobian = Jacobian(field, time, state, rows, size);
        var inverse = (eye(size, dtype: state.dtype, device: state.device) / (Gamma * step) - jacobian).inverse();
        var rate = TimeDerivative(field, time, state, slope).reshape(flat);
        var start = state.reshape(flat);
        var increments = new Tensor[6];
        for (var i = 0; i < 6; i++)
        {
            var at = i == 0 ? start : RungeKuttaStep.Combine(start, increments, Stages[i], 1);
            var value = i == 0 ? slope : field(Nodes[i] == 1 ? time + step : time + Nodes[i] * step, at.reshape(state.shape));
            var right = value.reshape(flat);
            if (TimeWeights[i] != 0) right = right + rate * (TimeWeights[i] * step);
            if (i > 0) right = right + RungeKuttaStep.Combine(null, increments, Couplings[i], 1 / step);
            increments[i] = inverse.MatMul(right.unsqueeze(2)).squeeze(2);
        }
        var end = RungeKuttaStep.Combine(start, increments, [.. Stages[5], 1], 1);
        return (end.reshape(state.shape), increments[5].reshape(state.shape));
    }

    // [rows, size, size].
    private static Tensor Jacobian(VelocityField field, double time, Tensor state, long rows, long size)
    {
        var building = is_grad_enabled();
        using var grad = enable_grad();
        var asked = building && state.requires_grad ? state : state.detach().requires_grad_(true);
        var value = field(time, asked).reshape(rows, size);
        if (!value.requires_grad) return Differences(field, time, state, value, rows, size);
        var lines = new Tensor[size];
        for (var i = 0; i < size; i++)
        {
            var found = Derivatives.Of([value.select(1, i).sum()], [asked], retainGraph: true, createGraph: building)[0];
            lines[i] = found is null ? zeros(rows, size, dtype: state.dtype, device: state.device) : found.reshape(rows, size);
        }
        var jacobian = stack(lines, 1);
        return building ? jacobian : jacobian.detach();
    }

    // For fields that leave the graph.
    private static Tensor Differences(VelocityField field, double time, Tensor state, Tensor value, long rows, long size)
    {
        using var quiet = no_grad();
        var columns = new Tensor[size];
        var relative = state.dtype == ScalarType.Float64 ? 1e-8 : 3e-4;
        var flat = state.detach().reshape(rows, size);
        for (var i = 0; i < size; i++)
        {
            var h = (flat.select(1, i).abs() * relative).clamp_min(relative);
            var moved = flat.clone();
            moved.select(1, i).add_(h);
            columns[i] = (field(time, moved.reshape(state.shape)).reshape(rows, size) - value) / h.unsqueeze(1);
        }
        return stack(columns, 2);
    }

    private static Tensor TimeDerivative(VelocityField field, double time, Tensor state, Tensor slope)
    {
        var h = (state.dtype == ScalarType.Float64 ? 1e-8 : 3e-4) * Math.Max(1, Math.Abs(time));
        using var quiet = no_grad();
        return (field(time + h, state.detach()) - slope.detach()) / h;
    }
}

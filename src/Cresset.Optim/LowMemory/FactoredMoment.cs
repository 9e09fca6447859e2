using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>A second moment kept as row means and column means of the last two dimensions (Shazeer and Stern 2018).</summary>
internal static class FactoredMoment
{
    public static void Initialize(ParameterState state, string slot, Tensor parameter)
    {
        var (rows, columns) = (parameter.shape, parameter.shape);
        rows[^1] = 1;
        columns[^2] = 1;
        var type = ParameterState.TypeFor(parameter);
        state.Put(slot + "_row", zeros(rows, dtype: type, device: parameter.device));
        state.Put(slot + "_col", zeros(columns, dtype: type, device: parameter.device));
    }

    public static void Track(ParameterState state, string slot, Tensor square, double beta)
    {
        state[slot + "_row"].lerp_(square.mean([-1], keepdim: true), 1 - beta);
        state[slot + "_col"].lerp_(square.mean([-2], keepdim: true), 1 - beta);
    }

    /// <summary>1 / sqrt(row * column / mean of rows).</summary>
    public static Tensor InverseRoot(ParameterState state, string slot)
    {
        var rows = state[slot + "_row"];
        return (rows / rows.mean([-2], keepdim: true)).rsqrt_() * state[slot + "_col"].rsqrt();
    }
}

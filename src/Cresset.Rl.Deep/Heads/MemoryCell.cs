using Cresset.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>The GRU that networks remember with (Cho et al. 2014), over stretches of time.</summary>
internal static class MemoryCell
{
    /// <summary>
    /// Features [stretches * steps, n], memory before them [stretches, units], 0 where it is forgotten before a step
    /// [stretches, steps, 1]; to the memory after each step [stretches, steps, units].
    /// </summary>
    public static Tensor Unroll(GRUCell cell, Tensor features, Tensor memory, Tensor kept)
    {
        using var scope = NewDisposeScope();
        var (stretches, steps) = (kept.size(0), kept.size(1));
        // Steps as blocks of their own: how a matrix product adds up may depend on how its rows lie.
        var blocks = features.view(stretches, steps, -1).transpose(0, 1).contiguous();
        var after = new Tensor[steps];
        for (var t = 0; t < steps; t++)
        {
            memory = cell.call(blocks.select(0, t), memory * kept.select(1, t));
            after[t] = memory;
        }
        return stack(after, 1).MoveToOuterDisposeScope();
    }

    /// <summary>As PyTorch's cells start: everything within 1/sqrt(units).</summary>
    public static void Start(GRUCell cell, long units, Generator? generator)
    {
        var bound = 1 / Math.Sqrt(units);
        foreach (var (_, parameter) in cell.named_parameters()) Initialize.Uniform(parameter, -bound, bound, generator);
    }
}

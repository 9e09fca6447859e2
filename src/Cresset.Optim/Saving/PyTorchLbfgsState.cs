using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// torch.optim.LBFGS keeps everything under its first parameter: vectors over all parameters, and lists of them. Both ways between its
/// names and ours.
/// </summary>
internal static class PyTorchLbfgsState
{
    private const string First = "state.0.", OwnTensor = "own/", OwnNumber = "own.";

    private static readonly (string Theirs, string Ours)[] Numbers =
        [("H_diag", "scale"), ("t", "step_size"), ("prev_loss", "previous_loss"), ("n_iter", "iterations"), ("func_evals", "evaluations")];

    private static readonly (string Theirs, string Ours)[] Vectors = [("d", "direction"), ("prev_flat_grad", "gradient")];

    /// <summary>Puts the state of an optimizer in under PyTorch's names, in copies.</summary>
    public static void Write(OptimizerState state, Dictionary<string, Tensor> to)
    {
        if (state.Scalars.GetValueOrDefault(OwnNumber + "iterations") == 0) return;
        foreach (var (theirs, ours) in Numbers) to[First + theirs] = tensor(state.Scalars[OwnNumber + ours]).DetachFromDisposeScope();
        foreach (var (theirs, ours) in Vectors) Put(theirs, ours);
        for (var i = 0; i < (int)state.Scalars[OwnNumber + "pairs"]; i++)
        {
            var at = i.ToString(CultureInfo.InvariantCulture);
            Put("old_dirs." + at, "change." + at);
            Put("old_stps." + at, "move." + at);
            to[$"{First}ro.{at}"] = tensor(state.Scalars[$"{OwnNumber}rho.{at}"]).DetachFromDisposeScope();
        }

        void Put(string theirs, string ours) => to[First + theirs] = state.Tensors[OwnTensor + ours].clone().DetachFromDisposeScope();
    }

    /// <summary>
    /// Reads PyTorch's names; what is missing is missing under our names too, which loading refuses. What one step leaves to the next alone
    /// counts: "al" is scratch.
    /// </summary>
    public static void Read(IReadOnlyDictionary<string, Tensor> from, Func<Tensor, double> number, Dictionary<string, Tensor> tensors,
        Dictionary<string, double> scalars)
    {
        if (!from.Keys.Any(k => k.StartsWith(First, StringComparison.Ordinal))) return;
        foreach (var (theirs, ours) in Numbers)
        {
            if (from.TryGetValue(First + theirs, out var value)) scalars[OwnNumber + ours] = number(value);
        }
        foreach (var (theirs, ours) in Vectors) Take(theirs, ours);
        var pairs = 0;
        for (; from.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"{First}ro.{pairs}"), out var rho); pairs++)
        {
            var at = pairs.ToString(CultureInfo.InvariantCulture);
            scalars[$"{OwnNumber}rho.{at}"] = number(rho);
            Take("old_dirs." + at, "change." + at);
            Take("old_stps." + at, "move." + at);
        }
        scalars[OwnNumber + "pairs"] = pairs;

        void Take(string theirs, string ours)
        {
            if (from.TryGetValue(First + theirs, out var value)) tensors[OwnTensor + ours] = value;
        }
    }
}

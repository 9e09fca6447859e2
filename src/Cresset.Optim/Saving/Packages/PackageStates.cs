using System.Text.Json.Nodes;

namespace Cresset.Optim;

/// <summary>The classes of other packages whose states are read and written, one table a package.</summary>
internal static class PackageStates
{
    /// <summary>All that are continued.</summary>
    public static IReadOnlyList<PackageMethod> Methods { get; } = [.. TimmStates.Methods, .. PyTorchOptimizerStates.Methods];

    /// <summary>All that have the name of a method of ours and are not continued.</summary>
    public static IReadOnlyList<PackageRefusal> Refused { get; } = [.. TimmStates.Refused, .. PyTorchOptimizerStates.Refused];

    public static string NameOf(OptimizerOrigin origin) => origin switch
    {
        OptimizerOrigin.Timm => "timm",
        OptimizerOrigin.PyTorchOptimizer => "pytorch_optimizer",
        _ => "PyTorch",
    };

    /// <summary>The class that a file comes from; null for PyTorch's layout.</summary>
    /// <param name="groups">The file's groups.</param>
    /// <param name="rule">The optimizer's rule.</param>
    /// <param name="origin">What the caller says; null asks the file.</param>
    /// <exception cref="ArgumentException">Nothing fits, or several do.</exception>
    public static PackageMethod? Find(IReadOnlyList<JsonObject> groups, OptimizerRule rule, OptimizerOrigin? origin)
    {
        if (origin == OptimizerOrigin.PyTorch || groups.Count == 0 || groups.Any(PyTorchGroupOptions.IsOwn)) return null;
        var known = Methods.Where(m => m.Rule == rule.GetType() && (origin is null || m.Origin == origin)).ToList();
        if (origin is { } named)
        {
            if (known.Count == 0) throw new ArgumentException(Lacking(rule, named), nameof(origin));
            // What fits none is refused by the first, by the option's name.
            return known.Find(m => m.Fits(groups, exactly: true)) ?? known.Find(m => m.Fits(groups, exactly: false)) ?? known[0];
        }
        var fitting = known.Where(m => m.IsMarked(groups) && m.Fits(groups, exactly: true)).ToList<PackageMethod?>();
        if (PyTorchGroupOptions.Fits(groups, rule)) fitting.Add(null);
        // An option that is off may be of a version that is not known.
        if (fitting.Count == 0) fitting = known.Where(m => m.IsMarked(groups) && m.Fits(groups, exactly: false)).ToList<PackageMethod?>();
        return fitting.Count switch
        {
            0 => null,
            1 => fitting[0],
            _ => throw new ArgumentException(
                $"The file could be {string.Join(" or ", fitting.Select(f => f?.Title ?? "PyTorch's"))}: say which with the origin "
                    + $"({Choices(rule)}).", nameof(origin)),
        };
    }

    /// <summary>The state of an optimizer in a package's layout.</summary>
    /// <exception cref="NotSupportedException">The package cannot go on from it; the message says why.</exception>
    public static PyTorchOptimizerState Write(Optimizer optimizer, OptimizerOrigin origin)
    {
        MethodFor(optimizer, origin, out var state);
        return state;
    }

    /// <summary>The class that can go on from an optimizer, and the state for it.</summary>
    public static PackageMethod MethodFor(Optimizer optimizer, OptimizerOrigin origin, out PyTorchOptimizerState state)
    {
        var known = Methods.Where(m => m.Rule == optimizer.Rule.GetType() && m.Origin == origin).ToList();
        if (known.Count == 0) throw new NotSupportedException(Lacking(optimizer.Rule, origin));
        var reasons = new List<string>();
        foreach (var method in known)
        {
            try
            {
                state = new PackageStateWriter(method, optimizer).Write();
                return method;
            }
            catch (NotSupportedException e)
            {
                reasons.Add(e.Message);
            }
        }
        throw new NotSupportedException(string.Join(" ", reasons));
    }

    /// <summary>What else is read for a rule, and what is not, for a message; null where there is nothing to say.</summary>
    public static string? Note(OptimizerRule rule)
    {
        var (read, refused) = (Methods.Where(m => m.Rule == rule.GetType()).Select(m => m.Title).ToList(),
            Refused.Where(r => r.Rule == rule.GetType()).Select(r => $"{NameOf(r.Origin)}'s {r.Class} ({r.Reason})").ToList());
        if (read.Count + refused.Count == 0) return null;
        return (read.Count > 0 ? $" Read for this method: PyTorch's layout, {string.Join(", ", read)}." : "")
            + (refused.Count > 0 ? $" Not continued by it: {string.Join("; ", refused)}." : "");
    }

    private static string Choices(OptimizerRule rule) => string.Join(", ", Methods.Where(m => m.Rule == rule.GetType())
        .Select(m => $"{nameof(OptimizerOrigin)}.{m.Origin}").Prepend($"{nameof(OptimizerOrigin)}.{OptimizerOrigin.PyTorch}").Distinct());

    private static string Lacking(OptimizerRule rule, OptimizerOrigin origin)
    {
        var refused = Refused.Where(r => r.Rule == rule.GetType() && r.Origin == origin).ToList();
        return refused.Count > 0
            ? string.Join(" ", refused.Select(
                r => $"{NameOf(origin)}'s {r.Class} and {rule.GetType().Name} do not continue each other: {r.Reason}."))
            : $"{NameOf(origin)} has no method that {rule.GetType().Name} continues; known there: "
                + $"{string.Join(", ", Methods.Where(m => m.Origin == origin).Select(m => m.Class))}.";
    }
}

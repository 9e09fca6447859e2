using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>
/// A parameter under the name its state is kept by. When it knows the module that owns it, the optimizer finds the parameter again after
/// <c>module.to(...)</c>, which makes new parameter objects.
/// </summary>
/// <param name="Name">Full name, for example <c>encoder.layers.0.weight</c>.</param>
/// <param name="Value">The parameter.</param>
/// <param name="Owner">The module that holds it directly; null for a parameter that stands alone.</param>
/// <param name="OwnName">Its name within <paramref name="Owner"/>.</param>
public sealed record NamedParameter(string Name, Parameter Value, Module? Owner = null, string OwnName = "")
{
    /// <summary>All parameters of <paramref name="module"/>, shared ones once, in the order of <c>named_parameters()</c>.</summary>
    public static IReadOnlyList<NamedParameter> Of(Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        var found = new List<NamedParameter>();
        var seen = new HashSet<IntPtr>();
        Collect(module, "", found, seen);
        return found;
    }

    private static void Collect(Module module, string prefix, List<NamedParameter> found, HashSet<IntPtr> seen)
    {
        foreach (var (name, parameter) in module.named_parameters(recurse: false))
        {
            if (seen.Add(parameter.Handle)) found.Add(new NamedParameter(prefix + name, parameter, module, name));
        }
        foreach (var (name, child) in module.named_children()) Collect(child, $"{prefix}{name}.", found, seen);
    }
}

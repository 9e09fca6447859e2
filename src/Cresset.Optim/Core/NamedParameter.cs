using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
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
    /// <summary>
    /// Other names of the same memory (tied weights). They are updated, averaged, counted and saved once, under <see cref="Name"/>.
    /// </summary>
    public IReadOnlyList<NamedParameter> Aliases { get; init; } = [];

    /// <summary>
    /// All parameters of <paramref name="module"/> in the order of <c>named_parameters()</c>; tied ones once, with the other names as
    /// <see cref="Aliases"/>.
    /// </summary>
    /// <exception cref="ArgumentException">Two parameters share a part of their memory.</exception>
    public static IReadOnlyList<NamedParameter> Of(Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        var found = new List<NamedParameter>();
        Collect(module, "", found);
        return Tied(found);
    }

    /// <summary>Joins parameters over one memory into the first of them.</summary>
    internal static List<NamedParameter> Tied(IReadOnlyList<NamedParameter> parameters)
    {
        var spans = new MemorySpans();
        var joined = new List<NamedParameter>();
        var place = new Dictionary<NamedParameter, int>(ReferenceEqualityComparer.Instance);
        foreach (var parameter in parameters)
        {
            if (spans.Add(parameter) is { } first)
            {
                var at = place[first];
                joined[at] = joined[at] with { Aliases = [.. joined[at].Aliases, parameter with { Aliases = [] }, .. parameter.Aliases] };
                continue;
            }
            place[parameter] = joined.Count;
            joined.Add(parameter);
        }
        return joined;
    }

    private static void Collect(Module module, string prefix, List<NamedParameter> found)
    {
        foreach (var (name, parameter) in module.named_parameters(recurse: false))
            found.Add(new NamedParameter(prefix + name, parameter, module, name));
        foreach (var (name, child) in module.named_children()) Collect(child, $"{prefix}{name}.", found);
    }
}

/// <summary>Finds parameters that share memory.</summary>
internal sealed class MemorySpans
{
    private readonly Dictionary<nint, NamedParameter> _known = [];
    private readonly SortedList<(DeviceType Device, int Index, long Start), (long End, NamedParameter Parameter)> _spans = [];

    /// <summary>Adds a parameter; when it is the same memory in the same layout as an earlier one, that one is returned instead.</summary>
    /// <exception cref="ArgumentException">It shares a part of its memory with an earlier one, or lies over it in another
    /// layout.</exception>
    public NamedParameter? Add(NamedParameter parameter)
    {
        var value = parameter.Value;
        var identity = TensorIdentity.Of(value);
        if (_known.TryGetValue(identity, out var same)) return same;
        _known[identity] = parameter;
        if (value.device_type == DeviceType.META || value.numel() == 0) return null;
        long start = TensorIdentity.Place(value);
        if (start == 0) return null;
        var last = 0L;
        var strides = value.stride();
        for (var d = 0; d < strides.Length; d++) last += (value.size(d) - 1) * strides[d];
        var end = start + ((last + 1) * value.ElementSize);
        var key = (value.device_type, value.device_index, start);
        if (_spans.TryGetValue(key, out var earlier) && earlier.End == end && SameLayout(value, earlier.Parameter.Value))
            return earlier.Parameter;
        var at = LowerBound(key);
        foreach (var i in new[] { at - 1, at })
        {
            if (i < 0 || i >= _spans.Count) continue;
            var (other, span) = (_spans.Keys[i], _spans.Values[i]);
            if (other.Device != key.device_type || other.Index != key.device_index || span.End <= start || other.Start >= end) continue;
            throw new ArgumentException(
                $"Parameters \"{span.Parameter.Name}\" and \"{parameter.Name}\" share a part of their memory, so an update of one changes "
                    + $"the other: make one parameter of them, or clone one.", nameof(parameter));
        }
        _spans.Add(key, (end, parameter));
        return null;
    }

    private static bool SameLayout(Tensor a, Tensor b) =>
        a.dtype == b.dtype && a.shape.SequenceEqual(b.shape) && a.stride().SequenceEqual(b.stride());

    private int LowerBound((DeviceType, int, long) key)
    {
        var (low, high) = (0, _spans.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Comparer<(DeviceType, int, long)>.Default.Compare(_spans.Keys[middle], key) < 0) low = middle + 1;
            else high = middle;
        }
        return low;
    }
}

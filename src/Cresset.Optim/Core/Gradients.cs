using Cresset.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>Access to gradients without the cost of TorchSharp's wrappers.</summary>
internal static class Gradients
{
    /// <summary>The gradient, a new wrapper that joins the open scope; null when there is none.</summary>
    public static Tensor? Of(Parameter parameter)
    {
        var gradient = parameter.grad;
        return gradient is null || gradient.IsInvalid ? null : gradient;
    }

    /// <summary>The gradients of parameters; one that several names share (tied weights) once.</summary>
    public static List<Tensor> Distinct(IEnumerable<Parameter> parameters)
    {
        var seen = new HashSet<nint>();
        return [.. parameters.Select(Of).OfType<Tensor>().Where(g => Place(g) is var place && (place == 0 || seen.Add(place)))];
    }

    /// <summary>
    /// The gradients of parameters, to be changed in place; one that several names share once. One that repeats its memory (a number
    /// expanded to a shape) cannot be written and becomes a dense one first.
    /// </summary>
    public static List<Tensor> Writable(IEnumerable<Parameter> parameters)
    {
        var all = parameters.ToList();
        var dense = new Dictionary<(nint, string), Tensor>();
        foreach (var parameter in all)
        {
            if (Of(parameter) is not { is_sparse: false } gradient || !Repeats(gradient)) continue;
            var key = (Place(gradient), string.Join(',', gradient.shape));
            if (!dense.TryGetValue(key, out var copy)) dense[key] = copy = gradient.contiguous();
            parameter.grad = copy;
        }
        return Distinct(all);
    }

    private static bool Repeats(Tensor gradient)
    {
        var strides = gradient.stride();
        for (var d = 0; d < strides.Length; d++)
        {
            if (strides[d] == 0 && gradient.size(d) > 1) return true;
        }
        return false;
    }

    /// <summary>
    /// Where a gradient lies, 0 for one without memory. TorchSharp makes a new native tensor whenever a gradient is read, so that its
    /// memory alone tells which it is.
    /// </summary>
    public static nint Place(Tensor gradient) => TensorIdentity.Place(gradient.is_sparse ? gradient.SparseIndices : gradient);

    public static void Clear(Parameter parameter, bool setToNone)
    {
        using var gradient = Of(parameter);
        if (gradient is null) return;
        if (setToNone) parameter.grad = null;
        else gradient.zero_();
    }
}

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

using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>Access to gradients and to the memory of tensors without the cost of TorchSharp's wrappers.</summary>
internal static partial class Gradients
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
        var seen = new HashSet<IntPtr>();
        return [.. parameters.Select(Of).OfType<Tensor>().Where(g => g.is_sparse || g.numel() == 0 || g.device_type == TorchSharp.DeviceType.META || seen.Add(Address(g)))];
    }

    public static void Clear(Parameter parameter, bool setToNone)
    {
        using var gradient = Of(parameter);
        if (gradient is null) return;
        if (setToNone) parameter.grad = null;
        else gradient.zero_();
    }

    /// <summary>The address of a tensor's first element.</summary>
    public static IntPtr Address(Tensor tensor)
    {
        var address = THSTensor_data(tensor.Handle);
        GC.KeepAlive(tensor);
        return address;
    }

    [LibraryImport("LibTorchSharp")]
    private static partial IntPtr THSTensor_data(IntPtr handle);
}

using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>The memory of some tensors, and whether others lie in it.</summary>
internal sealed class OwnMemory(IEnumerable<Tensor> owned)
{
    private readonly List<(DeviceType Device, int Index, long Start, long End)> _spans =
        [.. owned.Select(Span).OfType<(DeviceType, int, long, long)>()];

    /// <summary>True when a tensor shares memory with one of the owned.</summary>
    public bool Holds(Tensor tensor) => Span(tensor) is { } own
        && _spans.Exists(s => s.Device == own.Device && s.Index == own.Index && own.Start < s.End && s.Start < own.End);

    private static (DeviceType Device, int Index, long Start, long End)? Span(Tensor tensor)
    {
        if (tensor.device_type == DeviceType.META || tensor.numel() == 0) return null;
        long start = TensorIdentity.Place(tensor);
        if (start == 0) return null;
        var last = 0L;
        var strides = tensor.stride();
        for (var d = 0; d < strides.Length; d++) last += (tensor.size(d) - 1) * strides[d];
        return (tensor.device_type, tensor.device_index, start, start + ((last + 1) * tensor.ElementSize));
    }
}

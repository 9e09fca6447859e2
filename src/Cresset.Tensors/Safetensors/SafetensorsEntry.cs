namespace Cresset.Tensors;

/// <summary>Where one tensor lies in a safetensors file.</summary>
/// <param name="Name">Its key.</param>
/// <param name="Dtype">Element type as stored.</param>
/// <param name="Shape">Sizes; empty for a scalar.</param>
/// <param name="Offset">First byte, counted from the start of the file.</param>
/// <param name="Length">Number of bytes.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsDtype Dtype, IReadOnlyList<long> Shape, long Offset, long Length)
{
    /// <summary>Number of elements.</summary>
    public long Count => Length / Dtype.Size();
}

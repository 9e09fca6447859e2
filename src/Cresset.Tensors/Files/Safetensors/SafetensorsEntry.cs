namespace Cresset.Tensors;

/// <summary>Where one tensor lies in a file.</summary>
/// <param name="Name">Its key.</param>
/// <param name="Dtype">Element type as stored.</param>
/// <param name="Shape">Sizes; empty for a scalar.</param>
/// <param name="Offset">First byte, counted from the start of the file.</param>
/// <param name="Length">Number of bytes.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsDtype Dtype, IReadOnlyList<long> Shape, long Offset, long Length)
{
    private readonly string? _typeName;

    /// <summary>The format's own name of the element type, such as "F8_E8M0"; also where the type is not known here.</summary>
    public string TypeName
    {
        get => _typeName ?? Dtype.Name();
        init => _typeName = value;
    }

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    internal string ShapeText => $"[{string.Join(", ", Shape)}]";
}

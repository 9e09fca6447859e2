using Cresset.Nn;
using Cresset.Tensors;

namespace Cresset.Diffusion;

/// <summary>A source that can give matrices as they are stored.</summary>
internal interface IPackedSource : ITensorSource
{
    /// <summary>A matrix in its packed form, owned by the caller, or null where the tensor is stored as plain numbers.</summary>
    PackedWeight? Packed(string name);

    /// <summary>How a tensor is stored and in how many bytes, told from headers.</summary>
    (string Type, long Bytes) Stored(string name);
}

/// <summary>The same questions to any source.</summary>
internal static class PackedSources
{
    public static PackedWeight? PackedOrNull(this ITensorSource source, string name) => (source as IPackedSource)?.Packed(name);

    public static (string Type, long Bytes) StoredAs(this ITensorSource source, string name)
        => source is IPackedSource packed ? packed.Stored(name) : (source.Entries[name].Dtype.ToString(), source.Entries[name].Length);
}

using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>Named tensors that are read one by one: a safetensors file, a sharded folder, a PyTorch checkpoint.</summary>
public interface ITensorSource : IDisposable
{
    /// <summary>What it is read from, for messages.</summary>
    string Path { get; }

    /// <summary>Every tensor by its key.</summary>
    IReadOnlyDictionary<string, SafetensorsEntry> Entries { get; }

    /// <summary>Free text that the writer added.</summary>
    IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>
    /// Further keys of tensors that are stored once (tied weights): the key that is not in <see cref="Entries"/> and the one that is.
    /// Safetensors files of the Hugging Face libraries say so in their metadata.
    /// </summary>
    IReadOnlyDictionary<string, string> Aliases
        => Metadata.Where(pair => !Entries.ContainsKey(pair.Key) && Entries.ContainsKey(pair.Value))
            .ToDictionary(pair => pair.Key, pair => pair.Value);

    /// <summary>A new tensor with the stored values, owned by the caller.</summary>
    /// <exception cref="KeyNotFoundException">There is no such key; the nearest is named.</exception>
    /// <exception cref="NotSupportedException">The element type cannot be read.</exception>
    Tensor Read(string name);

    /// <summary>
    /// A tensor over the mapped file where type and alignment allow it (pages are read when touched), otherwise as <see cref="Read"/>.
    /// </summary>
    Tensor Map(string name);
}

/// <summary>A source that can copy stored bytes without going through a tensor, so that nothing is converted.</summary>
internal interface IStoredTensors : ITensorSource
{
    /// <summary>Writes the elements of a tensor as they are stored, little-endian and dense.</summary>
    void CopyBytes(string name, Stream target);
}

/// <summary>A source whose tensors can be had as the bytes that are stored, whatever their type.</summary>
public interface IStoredBytes
{
    /// <summary>The stored bytes, [length] of unsigned bytes over the mapped file; the caller disposes it.</summary>
    /// <exception cref="KeyNotFoundException">There is no such key; the nearest is named.</exception>
    Tensor MapBytes(string name);
}

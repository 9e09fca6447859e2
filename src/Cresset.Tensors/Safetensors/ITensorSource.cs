using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>Named tensors that are read one by one: a safetensors file, a sharded folder.</summary>
public interface ITensorSource : IDisposable
{
    /// <summary>What it is read from, for messages.</summary>
    string Path { get; }

    /// <summary>Every tensor by its key.</summary>
    IReadOnlyDictionary<string, SafetensorsEntry> Entries { get; }

    /// <summary>Free text that the writer added.</summary>
    IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>A new tensor with the stored values, owned by the caller.</summary>
    /// <exception cref="KeyNotFoundException">There is no such key; the nearest is named.</exception>
    Tensor Read(string name);

    /// <summary>A tensor over the mapped file where type and alignment allow it (pages are read when touched), otherwise as <see cref="Read"/>.</summary>
    Tensor Map(string name);
}

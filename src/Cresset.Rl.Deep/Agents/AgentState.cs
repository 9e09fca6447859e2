using System.Globalization;
using System.Runtime.InteropServices;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>Everything that an agent needs to go on exactly, or its policy alone: tensors and short texts, as they stand in a safetensors file.</summary>
public sealed class AgentState : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors = [];
    private readonly Dictionary<string, string> _texts = [];
    private readonly string _origin;

    /// <summary>An empty state.</summary>
    public AgentState() => _origin = "the state";

    private AgentState(string origin) => _origin = origin;

    /// <summary>The tensors; the state owns them.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors;

    /// <summary>The texts.</summary>
    public IReadOnlyDictionary<string, string> Texts => _texts;

    /// <summary>A state with all that a file holds.</summary>
    public static AgentState From(ITensorSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var state = new AgentState(source.Path);
        foreach (var key in source.Entries.Keys) state._tensors[key] = source.Read(key).DetachFromDisposeScope();
        foreach (var (key, text) in source.Metadata) state._texts[key] = text;
        return state;
    }

    /// <summary>A state from a safetensors file.</summary>
    public static AgentState Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return From(file);
    }

    /// <summary>Writes the state to a safetensors file, in one step.</summary>
    public void Write(string path) => SafetensorsWriter.Write(path, _tensors, _texts);

    /// <summary>Keeps a copy of <paramref name="tensor"/>.</summary>
    public void Put(string name, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        using var scope = NewDisposeScope();
        _tensors[name] = tensor.detach().cpu().clone().DetachFromDisposeScope();
    }

    /// <summary>Keeps a copy of numbers with a shape.</summary>
    public void Put(string name, ReadOnlySpan<float> values, params long[] shape)
        => _tensors[name] = tensor(values.ToArray(), shape.Length == 0 ? [values.Length] : shape).DetachFromDisposeScope();

    /// <summary>Keeps a text.</summary>
    public void Put(string name, string text) => _texts[name] = text;

    /// <summary>Keeps a number, exactly.</summary>
    public void Put(string name, double value) => _texts[name] = value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>Keeps whatever <paramref name="write"/> writes, as bytes.</summary>
    public void Put(string name, Action<BinaryWriter> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        using var memory = new MemoryStream();
        using (var writer = new BinaryWriter(memory, System.Text.Encoding.UTF8, leaveOpen: true)) write(writer);
        _tensors[name] = tensor(memory.ToArray()).DetachFromDisposeScope();
    }

    /// <summary>A tensor that was put in.</summary>
    /// <exception cref="InvalidDataException">It is missing.</exception>
    public Tensor Tensor(string name)
        => _tensors.TryGetValue(name, out var found) ? found : throw new InvalidDataException($"{_origin} lacks the tensor '{name}': it belongs to another agent or other options.");

    /// <summary>Copies numbers that were put in.</summary>
    /// <exception cref="InvalidDataException">They are missing or their number differs.</exception>
    public void Get(string name, Span<float> values)
    {
        var found = Tensor(name);
        if (found.numel() != values.Length || found.dtype != ScalarType.Float32) throw new InvalidDataException($"{_origin}: '{name}' holds {found.numel()} values of {found.dtype}; needed are {values.Length} of Float32. The network has another shape.");
        MemoryMarshal.Cast<byte, float>(found.bytes).CopyTo(values);
    }

    /// <summary>A text that was put in.</summary>
    /// <exception cref="InvalidDataException">It is missing.</exception>
    public string Text(string name)
        => _texts.TryGetValue(name, out var text) ? text : throw new InvalidDataException($"{_origin} lacks '{name}': it is no state of this kind of agent.");

    /// <summary>A number that was put in.</summary>
    /// <exception cref="InvalidDataException">It is missing or no number.</exception>
    public double Number(string name)
        => double.TryParse(Text(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : throw new InvalidDataException($"{_origin}: '{name}' is '{Text(name)}'; a number was expected.");

    /// <summary>Hands the bytes that were put in to <paramref name="read"/>.</summary>
    /// <exception cref="InvalidDataException">They are missing or end too early.</exception>
    public void Get(string name, Action<BinaryReader> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        var found = Tensor(name);
        try
        {
            using var reader = new BinaryReader(new MemoryStream(found.bytes.ToArray()));
            read(reader);
        }
        catch (EndOfStreamException e)
        {
            throw new InvalidDataException($"{_origin}: '{name}' ends too early.", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _tensors.Values) tensor.Dispose();
    }
}

using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// A file of TorchSharp's <c>Module.save</c> (<c>.dat</c>, also written by its exportsd.py), open for reading: the number of tensors, then
/// each as name, element type, sizes and data. The format has no magic number; the whole file must add up.
/// </summary>
public sealed class TorchSharpFile : IStoredTensors
{
    private const int MaxName = 4096;
    private const int MaxDimensions = 64;
    private readonly TensorFileData _data;
    private readonly Dictionary<string, SafetensorsEntry> _entries;

    private TorchSharpFile(TensorFileData data, Dictionary<string, SafetensorsEntry> entries) => (_data, _entries) = (data, entries);

    /// <inheritdoc/>
    public string Path => _data.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <summary>Opens a file and checks that its tensors fill it exactly.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is damaged or of another kind; the message has the offset.</exception>
    public static TorchSharpFile Open(string path)
    {
        var data = TensorFileData.Open(path);
        try
        {
            return new TorchSharpFile(data, Entry(data));
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor Read(string name) => _data.Read(Find(name));

    /// <inheritdoc/>
    public Tensor Map(string name) => _data.Map(Find(name));

    void IStoredTensors.CopyBytes(string name, Stream target) => _data.CopyBytes(Find(name), target);

    /// <summary>Closes the file. Mapped tensors stay valid.</summary>
    public void Dispose() => _data.Dispose();

    internal static bool LooksLike(TensorFileData data)
    {
        try
        {
            return data.Length > 0 && Entry(data).Count > 0;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private SafetensorsEntry Find(string name) =>
        _entries.TryGetValue(name, out var entry) ? entry : throw TensorFileData.NoSuchKey(Path, name, _entries.Keys);

    private static Dictionary<string, SafetensorsEntry> Entry(TensorFileData data)
    {
        long position = 0;
        var count = Number(data, ref position);
        // A tensor without elements takes at least a name length, a type and a number of dimensions.
        if (count > (data.Length - position) / 3) throw Fault(data, 0, $"{count} tensors are announced");
        var entries = new Dictionary<string, SafetensorsEntry>();
        for (long i = 0; i < count; i++)
        {
            var start = position;
            var entry = One(data, ref position);
            if (!entries.TryAdd(entry.Name, entry)) throw Fault(data, start, $"'{entry.Name}' is there twice");
            position = entry.Offset + entry.Length;
        }
        return position == data.Length ? entries : throw Fault(data, position, $"the last tensor ends there, the file at {data.Length}");
    }

    private static SafetensorsEntry One(TensorFileData data, ref long position)
    {
        var start = position;
        var length = Number(data, ref position);
        if (length > MaxName || length > data.Length - position) throw Fault(data, start, $"a name of {length} bytes is announced");
        var bytes = new byte[length];
        data.Fill(bytes, position);
        position += length;
        var name = PickleInput.Text(bytes);
        var type = Number(data, ref position);
        if (type is 12 or 13 or 14 || type > 15 || !Enum.IsDefined((ScalarType)(sbyte)type))
            throw Fault(data, start, $"'{PickleText.Short(name)}' has the type number {type}");
        var scalar = (ScalarType)(sbyte)type;
        var dtype = scalar == ScalarType.ComplexFloat64 ? SafetensorsDtype.C128 : SafetensorsDtypes.Of(scalar);
        var dimensions = Number(data, ref position);
        if (dimensions > MaxDimensions)
            throw Fault(data, start, $"'{PickleText.Short(name)}' has {dimensions} dimensions; at most {MaxDimensions} are read");
        var shape = new long[dimensions];
        Int128 elements = 1;
        for (var d = 0; d < shape.Length; d++)
        {
            shape[d] = Number(data, ref position);
            elements *= Math.Max(shape[d], 1);
            if (elements > 1L << 58) throw Fault(data, start, $"'{PickleText.Short(name)}' has more than 2^58 elements");
        }
        var size = shape.Contains(0) ? 0 : dtype.Bytes((long)elements);
        return size <= data.Length - position
            ? new SafetensorsEntry(name, dtype, shape, position, size)
            : throw Fault(data, start, $"'{PickleText.Short(name)}' of {size} bytes ends behind the file's end at {data.Length}");
    }

    // Seven bits a byte, the lowest first; the high bit says that another follows.
    private static long Number(TensorFileData data, ref long position)
    {
        var start = position;
        long value = 0;
        Span<byte> one = stackalloc byte[1];
        for (var shift = 0; shift < 63; shift += 7)
        {
            if (position >= data.Length) throw Fault(data, start, "the file ends inside a number");
            data.Fill(one, position++);
            value |= (long)(one[0] & 0x7f) << shift;
            if (one[0] < 0x80) return value;
        }
        throw Fault(data, start, "a number has more than nine bytes");
    }

    private static InvalidDataException Fault(TensorFileData data, long position, string what) =>
        new($"{data.Path}: {what} (offset {position}; read as TorchSharp's .dat).");
}

using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Cresset.Tests;

/// <summary>Reads float64, float32 and int64 arrays of a safetensors reference file into doubles, without libtorch.</summary>
internal sealed class ReferenceTensors
{
    private readonly byte[] _bytes;
    private readonly int _data;
    private readonly Dictionary<string, (string Type, long[] Shape, int From, int To)> _entries = [];

    public ReferenceTensors(string name)
    {
        _bytes = File.ReadAllBytes(Repository.Reference(name));
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(_bytes);
        _data = 8 + length;
        using var header = JsonDocument.Parse(Encoding.UTF8.GetString(_bytes, 8, length));
        foreach (var entry in header.RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__")
            {
                foreach (var item in entry.Value.EnumerateObject()) Metadata[item.Name] = item.Value.GetString()!;
                continue;
            }
            var offsets = entry.Value.GetProperty("data_offsets");
            _entries[entry.Name] = (entry.Value.GetProperty("dtype").GetString()!,
                [.. entry.Value.GetProperty("shape").EnumerateArray().Select(e => e.GetInt64())],
                offsets[0].GetInt32(), offsets[1].GetInt32());
        }
    }

    public Dictionary<string, string> Metadata { get; } = [];

    public IEnumerable<string> Names => _entries.Keys;

    public long[] Shape(string name) => _entries[name].Shape;

    public double[] this[string name]
    {
        get
        {
            var (type, _, from, to) = _entries[name];
            var span = _bytes.AsSpan(_data + from, to - from);
            var size = type == "F32" ? 4 : 8;
            var values = new double[span.Length / size];
            for (var i = 0; i < values.Length; i++)
            {
                var item = span[(i * size)..];
                values[i] = type switch
                {
                    "F64" => BinaryPrimitives.ReadDoubleLittleEndian(item),
                    "F32" => BinaryPrimitives.ReadSingleLittleEndian(item),
                    "I64" => BinaryPrimitives.ReadInt64LittleEndian(item),
                    _ => throw new NotSupportedException(type),
                };
            }
            return values;
        }
    }
}

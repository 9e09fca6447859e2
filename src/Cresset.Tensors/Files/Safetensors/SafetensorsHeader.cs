using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Cresset.Tensors;

/// <summary>The checked header of a safetensors file: an 8-byte length, JSON, then the data.</summary>
internal sealed class SafetensorsHeader
{
    // The reference implementation's own bound: a larger one is an attack or another kind of file.
    public const long MaxHeaderLength = 100_000_000;

    private readonly string _path;
    private readonly long _dataLength;

    private SafetensorsHeader(string path, long dataStart, long dataLength) =>
        (_path, DataStart, _dataLength) = (path, dataStart, dataLength);

    public long DataStart { get; }

    public Dictionary<string, string> Metadata { get; } = [];

    public Dictionary<string, SafetensorsEntry> Entries { get; } = [];

    /// <summary>The length that the first 8 bytes announce, checked against the file's.</summary>
    public static int HeaderLength(string path, ReadOnlySpan<byte> first8, long fileLength)
    {
        if (first8.Length < 8)
            throw new InvalidDataException(
                $"{path}: {fileLength} bytes are too few for a safetensors file (8 bytes of header length come first).");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(first8);
        if (length > MaxHeaderLength)
            throw new InvalidDataException(
                $"{path}: the header length at offset 0 is {length}, above the allowed {MaxHeaderLength}; this is probably no safetensors "
                    + $"file.");
        if ((long)length > fileLength - 8)
            throw new InvalidDataException(
                $"{path}: the header length at offset 0 is {length}, but only {fileLength - 8} bytes follow; the file is truncated or no "
                    + $"safetensors file.");
        if (length < 2)
            throw new InvalidDataException(
                $"{path}: the header length at offset 0 is {length}; the smallest header is the 2 bytes of an empty JSON object.");
        return (int)length;
    }

    public static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json, long fileLength)
    {
        var header = new SafetensorsHeader(path, 8 + json.Length, fileLength - 8 - json.Length);
        if (json[0] != (byte)'{') throw header.Fault(0, "the header does not start with '{'");
        try
        {
            header.ReadAll(json);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(
                $"{path}: the header is not valid JSON near offset {8 + (e.BytePositionInLine ?? 0)}: {FirstSentence(e.Message)}", e);
        }
        catch (InvalidOperationException e)
        {
            // Utf8JsonReader says so when a string holds bytes or surrogates that are not text.
            throw new InvalidDataException($"{path}: the header holds text that is not valid UTF-8.", e);
        }
        header.CheckLayout();
        return header;
    }

    private void ReadAll(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 4 });
        reader.Read();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            var at = reader.TokenStartIndex;
            if (!seen.Add(name)) throw Fault(at, $"the key '{Short(name)}' occurs twice");
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject) throw Fault(reader.TokenStartIndex, $"'{Short(name)}' is not a JSON object");
            if (name == "__metadata__") ReadMetadata(ref reader);
            else Entries.Add(name, ReadEntry(ref reader, name, at));
        }
        // The padding after the object may only be white space: Read throws on anything else.
        while (reader.Read())
        {
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String) throw Fault(reader.TokenStartIndex, $"__metadata__.{Short(key)} is not text");
            if (!Metadata.TryAdd(key, reader.GetString()!)) throw Fault(reader.TokenStartIndex, $"__metadata__.{Short(key)} occurs twice");
        }
    }

    private SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name, long at)
    {
        string? type = null;
        List<long>? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = reader.GetString()!;
            reader.Read();
            switch (field)
            {
                case "dtype" when type is null && reader.TokenType == JsonTokenType.String:
                    type = reader.GetString()!;
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref reader, name, field);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(ref reader, name, field);
                    break;
                default:
                    throw Fault(reader.TokenStartIndex, $"'{Short(name)}' has an unexpected or repeated field '{Short(field)}'");
            }
        }
        if (type is null || shape is null || offsets is null)
            throw Fault(at, $"'{Short(name)}' lacks {(type is null ? "dtype" : shape is null ? "shape" : "data_offsets")}");
        if (offsets.Count != 2) throw Fault(at, $"'{Short(name)}' has {offsets.Count} data_offsets; expected [begin, end]");
        long begin = offsets[0], end = offsets[1];
        if (begin > end || end > _dataLength)
            throw Fault(at, $"'{Short(name)}' has the data_offsets [{begin}, {end}]; the data is {_dataLength} bytes long");
        var count = ElementCount(shape) ?? throw Fault(at, $"'{Short(name)}' has a shape of more than 2^58 elements");
        var dtype = SafetensorsDtypes.Parse(type);
        var entry = new SafetensorsEntry(name, dtype, shape, DataStart + begin, end - begin) { TypeName = Short(type) };
        // The size of a type from after this reader's time is not known: its offsets alone are checked.
        if (dtype == SafetensorsDtype.Unknown) return entry;
        if ((Int128)count * dtype.Bits() % 8 != 0)
            throw Fault(at, $"'{Short(name)}' has {count} elements of {dtype.Bits()} bits, which fill no whole number of bytes");
        var bytes = dtype.Bytes(count);
        return bytes == end - begin
            ? entry
            : throw Fault(at,
                $"'{Short(name)}' of shape {entry.ShapeText} and type {type} needs {bytes} bytes; its data_offsets span {end - begin}");
    }

    private List<long> ReadNumbers(ref Utf8JsonReader reader, string name, string field)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw Fault(reader.TokenStartIndex, $"'{Short(name)}'.{field} is not a list");
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0)
                throw Fault(reader.TokenStartIndex, $"'{Short(name)}'.{field} holds something that is not a whole number from 0 up");
            if (numbers.Count == 64) throw Fault(reader.TokenStartIndex, $"'{Short(name)}'.{field} has more than 64 numbers");
            numbers.Add(number);
        }
        return numbers;
    }

    private void CheckLayout()
    {
        var position = DataStart;
        foreach (var entry in Entries.Values.OrderBy(e => e.Offset).ThenBy(e => e.Length))
        {
            if (entry.Offset != position)
            {
                var where = entry.Offset < position ? "inside" : "leaving a hole after";
                throw new InvalidDataException($"{_path}: '{Short(entry.Name)}' starts at offset {entry.Offset}, "
                    + $"{where} the tensor before it, which ends at {position}.");
            }
            position += entry.Length;
        }
        if (position != DataStart + _dataLength)
            throw new InvalidDataException(
                $"{_path}: the tensors end at offset {position}, the file at {DataStart + _dataLength}; it is damaged or was cut.");
    }

    // Even 16 bytes an element stay below 2^63 then. Beside a size of 0 the others are bounded too: libtorch multiplies them all the same.
    private static long? ElementCount(List<long> shape)
    {
        Int128 count = 1;
        foreach (var size in shape)
        {
            count *= Math.Max(size, 1);
            if (count > 1L << 58) return null;
        }
        return shape.Contains(0) ? 0 : (long)count;
    }

    private InvalidDataException Fault(long at, string what) => new($"{_path}: {what} (header offset {8 + at}).");

    private static string Short(string text) => text.Length <= 120 ? text : text[..117] + "...";

    private static string FirstSentence(string text) =>
        text.IndexOf(". ", StringComparison.Ordinal) is var dot and >= 0 ? text[..(dot + 1)] : text;

    /// <summary>The header bytes (length included) for entries whose offsets are already set, padded to 8.</summary>
    public static byte[] Write(IEnumerable<SafetensorsEntry> entries, IReadOnlyDictionary<string, string> metadata)
    {
        foreach (var (key, value) in metadata)
        {
            if (value is null) throw new ArgumentException($"The metadata '{key}' is null; a text is needed.", nameof(metadata));
            RefuseBroken(key);
            RefuseBroken(value);
        }
        using var buffer = new MemoryStream();
        buffer.Write(stackalloc byte[8]);
        using (var json = new Utf8JsonWriter(buffer,
            new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal)) json.WriteString(key, value);
                json.WriteEndObject();
            }
            foreach (var entry in entries)
            {
                RefuseBroken(entry.Name);
                json.WriteStartObject(entry.Name);
                json.WriteString("dtype", entry.TypeName);
                json.WriteStartArray("shape");
                foreach (var size in entry.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(entry.Offset);
                json.WriteNumberValue(entry.Offset + entry.Length);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0) buffer.WriteByte((byte)' ');
        if (buffer.Length - 8 > MaxHeaderLength)
            throw new ArgumentException(
                $"Names and metadata take {buffer.Length - 8} bytes; a safetensors header that can be read again has at most "
                    + $"{MaxHeaderLength}.", nameof(metadata));
        var bytes = buffer.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length - 8);
        return bytes;
    }

    // Half of a pair of UTF-16 would be written as a question mark, and two names could become one.
    private static void RefuseBroken(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                throw new ArgumentException($"'{Short(text)}' holds half a character (U+{(int)text[i]:X4}), which no file can hold.");
            i++;
        }
    }
}

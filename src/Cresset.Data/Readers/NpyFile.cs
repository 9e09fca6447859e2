using System.Text;
using System.Text.RegularExpressions;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>NumPy's <c>.npy</c> files (format 1.0 to 3.0, little endian or bytes, C or Fortran order).</summary>
public static partial class NpyFile
{
    private static readonly Dictionary<string, (ScalarType Type, int Size)> Types = new()
    {
        ["f2"] = (ScalarType.Float16, 2),
        ["f4"] = (ScalarType.Float32, 4),
        ["f8"] = (ScalarType.Float64, 8),
        ["i1"] = (ScalarType.Int8, 1),
        ["i2"] = (ScalarType.Int16, 2),
        ["i4"] = (ScalarType.Int32, 4),
        ["i8"] = (ScalarType.Int64, 8),
        ["u1"] = (ScalarType.Byte, 1),
        ["b1"] = (ScalarType.Bool, 1),
    };

    /// <summary>Reads one array as a tensor of the stored element type.</summary>
    /// <exception cref="InvalidDataException">The header or the length is wrong; the message names file and offset.</exception>
    public static Tensor Read(string path)
    {
        var content = File.ReadAllBytes(path);
        if (content.Length < 10 || content[0] != 0x93 || Encoding.ASCII.GetString(content, 1, 5) != "NUMPY") throw new InvalidDataException($"{path}: no NumPy magic at offset 0; expected \\x93NUMPY.");
        var wide = content[6] >= 2;
        var start = wide ? 12 : 10;
        if (content.Length < start) throw new InvalidDataException($"{path}: ends at offset {content.Length}, inside the header length.");
        long headerLength = wide ? BitConverter.ToUInt32(content, 8) : BitConverter.ToUInt16(content, 8);
        if (start + headerLength > content.Length) throw new InvalidDataException($"{path}: the header of {headerLength} bytes at offset {start} reaches past the end of the file ({content.Length}).");
        var header = Encoding.UTF8.GetString(content, start, (int)headerLength);
        var match = Header().Match(header);
        if (!match.Success) throw new InvalidDataException($"{path}: the header at offset {start} is not understood: {header.Trim()}");
        if (match.Groups["order"].Value == ">") throw new InvalidDataException($"{path}: big-endian element type {match.Groups["type"].Value}; save it little endian (array.astype('<f4')).");
        if (!Types.TryGetValue(match.Groups["type"].Value, out var type)) throw new InvalidDataException($"{path}: element type '{match.Groups["type"].Value}'; known are {string.Join(", ", Types.Keys)}.");
        var shape = match.Groups["shape"].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(s => long.Parse(s, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        Int128 bytes = type.Size;
        foreach (var size in shape) bytes *= size;
        var data = start + headerLength;
        if (bytes != content.Length - data) throw new InvalidDataException($"{path}: shape [{string.Join(", ", shape)}] of {match.Groups["type"].Value} needs {bytes} bytes from offset {data}; the file has {content.Length - data}.");

        using var scope = NewDisposeScope();
        var fortran = match.Groups["fortran"].Value == "True";
        var tensor = empty(fortran ? [.. shape.Reverse()] : shape, dtype: type.Type);
        if (bytes > 0) content.AsSpan((int)data).CopyTo(tensor.bytes);
        if (fortran) tensor = tensor.permute(Enumerable.Range(0, shape.Length).Reverse().Select(i => (long)i).ToArray()).contiguous();
        return tensor.MoveToOuterDisposeScope();
    }

    /// <summary>Writes a tensor as format 1.0, C order, atomically.</summary>
    public static void Write(string path, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var type = Types.FirstOrDefault(t => t.Value.Type == tensor.dtype).Key ?? throw new ArgumentException($"NumPy files of {tensor.dtype} are not written; convert the tensor to one of {string.Join(", ", Types.Values.Select(t => t.Type))}.", nameof(tensor));
        using var scope = NewDisposeScope();
        var flat = tensor.detach().cpu().contiguous();
        var shape = flat.shape;
        var text = $"{{'descr': '{(type[^1] == '1' ? '|' : '<')}{type}', 'fortran_order': False, 'shape': ({string.Join(", ", shape)}{(shape.Length == 1 ? "," : "")}), }}";
        var padded = text.PadRight(((text.Length + 11 + 63) / 64 * 64) - 11) + "\n";
        Numerics.AtomicFile.Write(path, stream =>
        {
            stream.Write([0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0]);
            stream.Write(BitConverter.GetBytes((ushort)padded.Length));
            stream.Write(Encoding.ASCII.GetBytes(padded));
            if (flat.numel() > 0) stream.Write(flat.bytes);
        });
    }

    [GeneratedRegex(@"'descr':\s*'(?<order>[<>|=])(?<type>\w\d+)'.*'fortran_order':\s*(?<fortran>True|False).*'shape':\s*\((?<shape>[\d,\s]*)\)")]
    private static partial Regex Header();
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>
/// NumPy's <c>.npy</c> files (format 1.0 to 3.0): booleans, whole numbers and floats of either byte order, in C or Fortran order.
/// uint16 is read as int32, uint32 and uint64 as int64, since libtorch computes with no others.
/// </summary>
public static class NpyFile
{
    // Large arrays are read in pieces: a tensor's memory can be had as a span up to 2 GiB only.
    private const int PieceBytes = 1 << 24;

    /// <summary>Reads one array.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The header or the length is wrong, or elements are of a type that is not read; the message
    /// names file and offset.</exception>
    public static Tensor Read(string path)
    {
        using var stream = File.OpenRead(path);
        return Read(stream, stream.Length, path);
    }

    /// <summary>Writes a tensor as format 1.0, C order, atomically.</summary>
    /// <exception cref="ArgumentException">NumPy has no such element type.</exception>
    public static void Write(string path, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        AtomicFile.Write(path, stream => Write(stream, tensor));
    }

    internal static void Write(Stream stream, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        stream.Write(HeaderOf(tensor));
        foreach (var piece in Pieces(tensor.detach().cpu().contiguous())) stream.Write(piece.bytes);
    }

    private static byte[] HeaderOf(Tensor tensor)
    {
        var descr = tensor.dtype switch
        {
            ScalarType.Float16 => "<f2",
            ScalarType.Float32 => "<f4",
            ScalarType.Float64 => "<f8",
            ScalarType.Int8 => "|i1",
            ScalarType.Int16 => "<i2",
            ScalarType.Int32 => "<i4",
            ScalarType.Int64 => "<i8",
            ScalarType.Byte => "|u1",
            ScalarType.Bool => "|b1",
            _ => throw new ArgumentException($"NumPy files of {tensor.dtype} are not written; convert the tensor to Float32 "
                + $"first.", nameof(tensor)),
        };
        var shape = tensor.shape;
        var text = $"{{'descr': '{descr}', 'fortran_order': False, 'shape': "
            + $"({string.Join(", ", shape)}{(shape.Length == 1 ? "," : "")}), }}";
        // The data begins at a multiple of 64.
        var padded = text.PadRight(((text.Length + 11 + 63) / 64 * 64) - 11) + "\n";
        var length = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)padded.Length);
        return [0x93, .. "NUMPY"u8, 1, 0, .. length, .. Encoding.ASCII.GetBytes(padded)];
    }

    internal static Tensor Read(Stream stream, long length, string name)
    {
        var header = NpyHeader.Read(stream, name);
        var (needed, there) = (header.Count * header.ItemSize, length - header.DataStart);
        // Checked before anything is reserved: a damaged shape must not ask for terabytes.
        if (needed != there)
        {
            throw new InvalidDataException($"{name}: shape [{string.Join(", ", header.Shape)}] of {header.Descr} needs {needed} bytes "
                + $"from offset {header.DataStart}; the file has {there}.");
        }
        using var scope = NewDisposeScope();
        var tensor = empty(header.IsFortran ? [.. header.Shape.Reverse()] : header.Shape, dtype: header.Type);
        var offset = header.DataStart;
        foreach (var piece in Pieces(tensor))
        {
            Fill(stream, piece, header, name, offset);
            offset += piece.numel() * header.ItemSize;
        }
        if (header.IsFortran && header.Shape.Length > 1)
            tensor = tensor.permute([.. Enumerable.Range(0, header.Shape.Length).Reverse().Select(i => (long)i)]).contiguous();
        return tensor.MoveToOuterDisposeScope();
    }

    private static IEnumerable<Tensor> Pieces(Tensor tensor)
    {
        var flat = tensor.reshape(-1);
        var count = PieceBytes / 8;
        for (long at = 0; at < flat.numel(); at += count)
        {
            using var piece = flat.narrow(0, at, Math.Min(count, flat.numel() - at));
            yield return piece;
        }
        flat.Dispose();
    }

    private static void Fill(Stream stream, Tensor piece, NpyHeader header, string name, long offset)
    {
        var count = (int)piece.numel();
        var isDirect = header.Kind is not 'u' || header.ItemSize == 1;
        var raw = isDirect ? piece.bytes : new byte[count * header.ItemSize];
        if (stream.ReadAtLeast(raw, raw.Length, throwOnEndOfStream: false) < raw.Length)
        {
            throw new InvalidDataException($"{name}: the data ends before offset {offset + raw.Length}. The file is truncated.");
        }
        if (header.IsSwapped) Swap(raw, header.ItemSize);
        if (header.Kind == 'b')
        {
            var odd = raw.IndexOfAnyExcept((byte)0, (byte)1);
            if (odd >= 0) throw new InvalidDataException($"{name}: {raw[odd]} at offset {offset + odd} is neither true (1) nor false (0).");
        }
        if (isDirect) return;
        if (header.ItemSize == 2)
        {
            var wide = MemoryMarshal.Cast<byte, int>(piece.bytes);
            var narrow = MemoryMarshal.Cast<byte, ushort>(raw);
            for (var i = 0; i < count; i++) wide[i] = narrow[i];
            return;
        }
        var target = MemoryMarshal.Cast<byte, long>(piece.bytes);
        for (var i = 0; i < count; i++)
        {
            target[i] = header.ItemSize == 4 ? MemoryMarshal.Cast<byte, uint>(raw)[i] : MemoryMarshal.Cast<byte, long>(raw)[i];
            if (target[i] < 0)
            {
                throw new InvalidDataException($"{name}: {(ulong)target[i]} at offset {offset + (8L * i)} is too large for int64.");
            }
        }
    }

    private static void Swap(Span<byte> raw, int size)
    {
        for (var at = 0; at < raw.Length; at += size) raw.Slice(at, size).Reverse();
    }
}

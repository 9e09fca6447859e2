using System.Buffers.Binary;

namespace Cresset.Tensors;

/// <summary>Opens weights of whatever format: safetensors, an index of shards, a PyTorch checkpoint, TorchSharp's <c>.dat</c>.</summary>
public static class TensorFile
{
    /// <summary>Opens a file by what is in it; the name matters only for the index of shards (<c>*.json</c>).</summary>
    /// <param name="path">The file.</param>
    /// <param name="section">Which state dict of a PyTorch checkpoint that holds several, such as "ema"; null takes the only one.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, of another kind, or holds several state dicts and none was
    /// chosen.</exception>
    public static ITensorSource Open(string path, string? section = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!path.EndsWith(".json", StringComparison.OrdinalIgnoreCase)) return OpenSingle(path, section);
        if (section is not null) throw NoSections(path, section);
        return SafetensorsShards.Open(path);
    }

    internal static ITensorSource OpenSingle(string path, string? section = null)
    {
        var kind = Kind(path);
        if (kind is TensorFileKind.TorchZip or TensorFileKind.TorchLegacy) return PyTorchFile.Open(path, section);
        if (section is not null) throw NoSections(path, section);
        return kind switch
        {
            TensorFileKind.TorchSharp => TorchSharpFile.Open(path),
            TensorFileKind.Gguf =>
                throw new NotSupportedException(
                    $"{path} is a GGUF file, which is opened with GgufFile of Cresset.Diffusion ('cresset sd3 convert' turns it into "
                        + $"safetensors)."),
            TensorFileKind.Pickle =>
                throw new NotSupportedException(
                    $"{path} is a bare Python pickle, not a file of torch.save; save it again with torch.save or safetensors."),
            TensorFileKind.Tar =>
                throw new NotSupportedException(
                    $"{path} is a tar archive of PyTorch before 0.1.10; load and save it again with a later PyTorch."),
            TensorFileKind.Hdf5 => throw new NotSupportedException($"{path} is an HDF5 file (Keras); save its weights as safetensors."),
            TensorFileKind.NumPy => throw new NotSupportedException($"{path} is a NumPy file; save its arrays as safetensors."),
            TensorFileKind.Html =>
                throw new InvalidDataException(
                    $"{path} is a web page, not a weights file: the download answered with an error or a sign-in page."),
            TensorFileKind.LfsPointer =>
                throw new InvalidDataException($"{path} is a Git LFS pointer, not the file itself; fetch it with 'git lfs pull'."),
            _ => SafetensorsFile.Open(path),
        };
    }

    /// <summary>What the first bytes say.</summary>
    internal static TensorFileKind Kind(string path)
    {
        using var data = TensorFileData.Open(path);
        Span<byte> first = stackalloc byte[64];
        first = first[..RandomAccess.Read(data.Handle, first, 0)];
        if (first.StartsWith("PK\u0003\u0004"u8) || first.StartsWith("PK\u0005\u0006"u8)) return TensorFileKind.TorchZip;
        if (first.StartsWith(LegacyTorch.Magic)) return TensorFileKind.TorchLegacy;
        if (first.StartsWith("GGUF"u8)) return TensorFileKind.Gguf;
        if (first.Length > 3 && first[0] == 0x89 && first[1..4].SequenceEqual("HDF"u8)) return TensorFileKind.Hdf5;
        if (first.Length > 5 && first[0] == 0x93 && first[1..6].SequenceEqual("NUMPY"u8)) return TensorFileKind.NumPy;
        if (first.StartsWith("<!DOCTYPE"u8) || first.StartsWith("<html"u8)) return TensorFileKind.Html;
        if (first.StartsWith("version https://git-lfs"u8)) return TensorFileKind.LfsPointer;
        if (first.Length >= 9 && first[8] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(first) <= SafetensorsHeader.MaxHeaderLength)
            return TensorFileKind.Safetensors;
        if (first.Length > 2 && first[0] == 0x80 && first[1] is >= 2 and <= 5) return TensorFileKind.Pickle;
        if (IsTar(data)) return TensorFileKind.Tar;
        return TorchSharpFile.LooksLike(data) ? TensorFileKind.TorchSharp : TensorFileKind.Safetensors;
    }

    private static bool IsTar(TensorFileData data)
    {
        Span<byte> mark = stackalloc byte[5];
        return data.Length > 512 && RandomAccess.Read(data.Handle, mark, 257) == 5 && mark.SequenceEqual("ustar"u8);
    }

    private static ArgumentException NoSections(string path, string section)
        => new($"{path} has no sections; '{section}' can only be chosen in a PyTorch checkpoint.", nameof(section));
}

/// <summary>Kinds of files that hold tensors, as their first bytes tell.</summary>
internal enum TensorFileKind
{
    Safetensors,
    TorchZip,
    TorchLegacy,
    TorchSharp,
    Gguf,
    Pickle,
    Tar,
    Hdf5,
    NumPy,
    Html,
    LfsPointer,
}

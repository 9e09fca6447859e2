using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Cresset.Data;

/// <summary>What tells one state of a data set from another.</summary>
/// <param name="Count">Number of files, or of examples that came from no file.</param>
/// <param name="Hash">SHA-256 over names, sizes, classes and (for small sets) contents, in hexadecimal.</param>
/// <param name="Basis">"contents", or "names and sizes" where reading all contents would take long.</param>
public sealed record DataFingerprint(int Count, string Hash, string Basis)
{
    // Read once more in a fraction of a second; beyond, names and sizes must do.
    private const long MostBytes = 64L << 20;

    /// <summary>As text, for a run's facts.</summary>
    public override string ToString() => $"{Count.ToString(CultureInfo.InvariantCulture)}:{Hash}:{Basis}";

    /// <summary>Reads what <see cref="ToString"/> wrote; null for other texts.</summary>
    public static DataFingerprint? Parse(string? text)
        => text?.Split(':') is [var count, { Length: 64 } hash, var basis]
            && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new DataFingerprint(number, hash, basis) : null;

    /// <summary>How this state differs from an earlier one, as a sentence; null when they are the same.</summary>
    public string? DifferenceFrom(DataFingerprint earlier)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        if (this == earlier) return null;
        return Count != earlier.Count
            ? $"the data have changed: {earlier.Count} files or examples when the run began, {Count} now"
            : $"the data have changed: as many files or examples as when the run began ({Count}), but other "
                + $"{(Basis == "names and sizes" && Basis == earlier.Basis ? Basis : "names or contents")}";
    }

    /// <summary>
    /// Of files: their names, sizes and labels, and their contents where all together are small. They are gone through twice, so that
    /// nothing is kept of each but its size.
    /// </summary>
    /// <param name="files">Name, path and label of each.</param>
    /// <param name="known">Their sizes; null where they are not known.</param>
    internal static DataFingerprint OfFiles(IEnumerable<(string Name, string Path, string Label)> files, long[]? known = null)
    {
        long[] lengths = known ?? [.. files.Select(f => new FileInfo(f.Path).Length)];
        var reads = lengths.Sum() <= MostBytes;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var at = 0;
        foreach (var (name, path, label) in files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\0{label}\0{lengths[at++].ToString(CultureInfo.InvariantCulture)}\0"));
            if (reads) hash.AppendData(PictureDecoder.ReadAll(path));
        }
        return new DataFingerprint(lengths.Length, Convert.ToHexStringLower(hash.GetHashAndReset()),
            reads ? "contents" : "names and sizes");
    }

    /// <summary>Of values in memory.</summary>
    internal static DataFingerprint OfTensors(int count, params IReadOnlyList<TorchSharp.torch.Tensor?> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> size = stackalloc byte[8];
        foreach (var tensor in tensors)
        {
            if (tensor is null) continue;
            foreach (var side in tensor.shape)
            {
                BinaryPrimitives.WriteInt64LittleEndian(size, side);
                hash.AppendData(size);
            }
            using var scope = TorchSharp.torch.NewDisposeScope();
            var flat = tensor.detach().cpu().contiguous().reshape(-1);
            // In pieces, since a tensor's memory can be had as a span up to 2 GiB only.
            const long Piece = 1 << 24;
            for (long at = 0; at < flat.numel(); at += Piece)
            {
                using var piece = flat.narrow(0, at, Math.Min(Piece, flat.numel() - at));
                hash.AppendData(piece.bytes);
            }
        }
        return new DataFingerprint(count, Convert.ToHexStringLower(hash.GetHashAndReset()), "contents");
    }
}

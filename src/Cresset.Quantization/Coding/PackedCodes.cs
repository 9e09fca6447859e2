using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>Codes with what is needed to read them again: their shape, the codebooks' sizes and the tokenizer they belong to.</summary>
/// <remarks>
/// The convenient side of <see cref="CodeFileWriter"/> and <see cref="CodeFile"/> for codes that lie in one array; files of versions 1 and
/// 2 are read too.
/// </remarks>
public sealed class PackedCodes
{
    /// <summary>Wraps codes.</summary>
    /// <param name="shape">Positions, such as [images, height, width].</param>
    /// <param name="codebookSizes">Size of each stage's codebook.</param>
    /// <param name="codes">Codes, positions in order, the stages of a position one after another; -1 for none (a masked position, a dropped
    /// stage).</param>
    /// <param name="tokenizer">Which model made them; free text.</param>
    /// <exception cref="ArgumentException">A code is out of range (position and value are named) or the count does not fit the
    /// shape.</exception>
    public PackedCodes(IReadOnlyList<long> shape, IReadOnlyList<long> codebookSizes, long[] codes, string tokenizer = "")
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(codebookSizes);
        ArgumentNullException.ThrowIfNull(codes);
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (codebookSizes.Count == 0 || codebookSizes.Any(s => s < 1))
            throw new ArgumentException("There must be at least one codebook, of at least one code.", nameof(codebookSizes));
        var total = shape.Any(s => s < 0) ? -1 : shape.Aggregate((Int128)codebookSizes.Count, (a, b) => a * b);
        if (total != codes.Length)
            throw new ArgumentException(
                $"{codes.Length} codes; the shape [{string.Join(", ", shape)}] with {codebookSizes.Count} stages takes {total}.",
                nameof(codes));
        for (var i = 0; i < codes.Length; i++)
        {
            var size = codebookSizes[i % codebookSizes.Count];
            if (codes[i] < -1 || codes[i] >= size)
                throw new ArgumentException(
                    $"Code {codes[i]} at position {i / codebookSizes.Count}, stage {i % codebookSizes.Count} is out of range; allowed: 0 "
                        + $"to {size - 1}, or -1 for none.", nameof(codes));
        }
        (Shape, CodebookSizes, Codes, Tokenizer) = (shape, codebookSizes, codes, tokenizer);
    }

    /// <summary>Positions.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Codes per stage.</summary>
    public IReadOnlyList<long> CodebookSizes { get; }

    /// <summary>The codes, stages innermost.</summary>
    public long[] Codes { get; }

    /// <summary>Which model made them.</summary>
    public string Tokenizer { get; }

    /// <summary>Bytes of the payload when written without a prior.</summary>
    public long PackedBytes => BitPacking.ByteCount(Codes.Length, CodeFileLayout.Widths(CodebookSizes, HasNone));

    /// <summary>True when some position or stage has no code (-1).</summary>
    public bool HasNone => Codes.Contains(-1);

    /// <summary>Writes the file; it appears whole or not at all.</summary>
    /// <param name="path">Where.</param>
    /// <param name="coder">Codes the payload with a prior; null packs bits.</param>
    public void Write(string path, ICodeCoder? coder = null) => AtomicFile.Write(path, stream => Write(stream, coder));

    /// <summary>Writes to a stream.</summary>
    public void Write(Stream stream, ICodeCoder? coder = null)
        => CodeFileWriter.Write(stream, Tokenizer, CodebookSizes, coder, writer => writer.Add(new CodeEntry("", Shape), Codes));

    /// <summary>Reads a file of any version whose maps all have one shape; several entries become one.</summary>
    /// <param name="path">Where.</param>
    /// <param name="coder">The coder it was written with; needed when the payload is range-coded.</param>
    /// <exception cref="InvalidDataException">Not such a file, cut short, damaged, or coded with another prior; the message gives path and
    /// offset.</exception>
    public static PackedCodes Read(string path, ICodeCoder? coder = null)
    {
        using var stream = File.OpenRead(path);
        return Read(stream, path, coder);
    }

    /// <summary>Whether a file is of version 1 or 2, which this class reads and <see cref="CodeFile"/> does not.</summary>
    public static bool IsEarlierFile(string path)
    {
        using var stream = File.OpenRead(path);
        return EarlierCodeFile.Is(stream);
    }

    internal static PackedCodes Parse(byte[] bytes, string path, ICodeCoder? coder)
    {
        using var stream = new MemoryStream(bytes);
        return Read(stream, path, coder);
    }

    private static PackedCodes Read(Stream stream, string path, ICodeCoder? coder)
    {
        if (EarlierCodeFile.Is(stream)) return EarlierCodeFile.Read(stream, path, coder);
        using var file = CodeFile.Open(stream, path);
        if (file.Entries.Count == 0) throw new InvalidDataException($"{path}: the file is empty.");
        var shape = file.Entries[0].Shape;
        if (file.Entries.Count > 1)
        {
            if (file.Entries.FirstOrDefault(e => e.Shape.Count == 0 || !e.MapShape.SequenceEqual(file.Entries[0].MapShape)) is { } other)
                throw new InvalidDataException(
                    $"{path} holds maps of several shapes, such as [{string.Join(", ", shape)}] and [{string.Join(", ", other.Shape)}]: "
                        + $"open it by CodeFile.");
            shape = [file.Entries.Sum(e => e.Maps), .. file.Entries[0].MapShape];
        }
        return new PackedCodes(shape, file.CodebookSizes, file.ReadAll(coder), file.Tokenizer);
    }
}

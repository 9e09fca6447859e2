namespace Cresset.Quantization;

/// <summary>Turns codes into bytes with a model of which codes are likely. Safe to use from several threads at once.</summary>
public interface ICodeCoder
{
    /// <summary>16 bytes that name the model: a file says which one it was written with.</summary>
    ReadOnlyMemory<byte> Fingerprint { get; }

    /// <summary>The payload of a frame's codes, maps after one another and stages innermost.</summary>
    byte[] Encode(CodeFrame frame, ReadOnlySpan<long> codes);

    /// <summary>The codes of a frame's payload. A damaged payload may give wrong codes, which the file's checksum notices.</summary>
    long[] Decode(CodeFrame frame, ReadOnlySpan<byte> payload);
}

/// <summary>A run of maps of one shape, coded together: what can be read without the rest of a file.</summary>
/// <param name="FirstMap">Number of its first map in the file.</param>
/// <param name="Maps">Maps.</param>
/// <param name="MapShape">Positions of a map, such as [height, width]; empty for a single position.</param>
/// <param name="CodebookSizes">Codes of each stage.</param>
/// <param name="HasNone">Whether some codes are -1 (none).</param>
public sealed record CodeFrame(long FirstMap, int Maps, IReadOnlyList<long> MapShape, IReadOnlyList<long> CodebookSizes, bool HasNone)
{
    /// <summary>Codes of a map, over all stages.</summary>
    public long CodesPerMap => MapShape.Aggregate((long)CodebookSizes.Count, (a, b) => checked(a * b));
}

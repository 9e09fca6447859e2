namespace Cresset.Quantization;

/// <summary>Turns codes into bytes with a model of which codes are likely.</summary>
public interface ICodeCoder
{
    /// <summary>The payload of codes.</summary>
    byte[] Encode(PackedCodes codes);

    /// <summary>The codes of a payload.</summary>
    long[] Decode(ReadOnlySpan<byte> payload, IReadOnlyList<long> shape, IReadOnlyList<long> codebookSizes);
}

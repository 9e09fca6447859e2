using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Vectors with the codes they chose.</summary>
/// <param name="Vectors">[N, D] in the space of the codes, with gradient to the input.</param>
/// <param name="Indices">int64 [N].</param>
/// <param name="Codes">[N, D], with gradient to the codebook when that learns by gradient.</param>
/// <param name="Table">All codes [K, D] as they were read, with the same gradient.</param>
internal sealed record CodeChoice(Tensor Vectors, Tensor Indices, Tensor Codes, Tensor Table);

/// <summary>Reading codes by index.</summary>
internal static class CodeLookup
{
    /// <summary>Rows of <paramref name="codes"/> [K, D] at int64 [N]; zeros where the index is -1.</summary>
    public static Tensor Values(Tensor codes, Tensor indices)
    {
        using var scope = NewDisposeScope();
        var values = codes.index_select(0, indices.clamp_min(0));
        return values.masked_fill((indices < 0).unsqueeze(1), 0).MoveToOuterDisposeScope();
    }
}

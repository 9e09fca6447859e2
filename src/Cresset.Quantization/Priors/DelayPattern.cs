using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Residual codes with each stage one step later than the one before (MusicGen, Copet et al. 2023, arXiv:2306.05284, section 2.2): a model
/// that makes all stages of a row at once still sees, for each stage, the coarser stages of the same position.
/// </summary>
public static class DelayPattern
{
    /// <summary>
    /// Codes int64 [N, L, S] to [N, L + S - 1, S]: row t holds stage s of position t - s, or <paramref name="filler"/> where there is none.
    /// </summary>
    /// <param name="codes">Codes.</param>
    /// <param name="filler">What stands where there is no code: a number beyond the codes, for a prior with one more.</param>
    public static Tensor Apply(Tensor codes, long filler)
    {
        Shape.Expect(codes, "N L S");
        if (codes.dtype != ScalarType.Int64) throw new ArgumentException($"codes are {codes.dtype}; expected Int64.", nameof(codes));
        using var scope = NewDisposeScope();
        long length = codes.size(1), stages = codes.size(2);
        var rows = full([codes.size(0), length + stages - 1, stages], filler, dtype: ScalarType.Int64, device: codes.device);
        for (var s = 0L; s < stages; s++) rows.select(2, s).narrow(1, s, length).copy_(codes.select(2, s));
        return rows.MoveToOuterDisposeScope();
    }

    /// <summary>The codes [N, L, S] of rows [N, L + S - 1, S]; what stands in places without a code is left out.</summary>
    public static Tensor Undo(Tensor rows)
    {
        Shape.Expect(rows, "N T S");
        using var scope = NewDisposeScope();
        long stages = rows.size(2), length = rows.size(1) - stages + 1;
        if (length < 1) throw Shape.Wrong(rows, $"at least {stages} rows for {stages} stages");
        return stack([.. Enumerable.Range(0, (int)stages).Select(s => rows.select(2, s).narrow(1, s, length))], 2)
            .MoveToOuterDisposeScope();
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Nearest codes and segment sums of tensors: by the managed kernels where they apply, else in chunks on the tensor's device.
/// </summary>
internal static class CodeSearch
{
    private const long ChunkElements = 1 << 22;

    /// <summary>Index (int64 [N]) of the nearest code of each row [N, D] among codes [K, D]; rows must be finite.</summary>
    public static Tensor Nearest(Tensor rows, Tensor codes, CodeMetric metric)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        rows = rows.detach();
        codes = codes.detach();
        if (!TensorSpans.IsManaged(rows) || !TensorSpans.IsManaged(codes)) return Chunked(rows, codes, metric).MoveToOuterDisposeScope();
        rows = rows.contiguous();
        codes = codes.contiguous();
        var found = GC.AllocateUninitializedArray<int>((int)rows.size(0));
        NearestCodes.Find(TensorSpans.Of<float>(rows), TensorSpans.Of<float>(codes), (int)rows.size(1), found, metric);
        var result = empty(found.Length, dtype: ScalarType.Int64);
        var indices = TensorSpans.Of<long>(result);
        for (var i = 0; i < found.Length; i++) indices[i] = found[i];
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>Counts [K] and sums [K, D] of rows [N, D] by their index (int64 [N]).</summary>
    public static (Tensor Counts, Tensor Sums) Segments(Tensor rows, Tensor indices, long codes)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        rows = rows.detach();
        var counts = zeros(codes, dtype: rows.dtype, device: rows.device);
        var sums = zeros(codes, rows.size(1), dtype: rows.dtype, device: rows.device);
        if (TensorSpans.IsManaged(rows))
        {
            rows = rows.contiguous();
            var source = TensorSpans.Of<long>(indices.contiguous());
            var narrow = GC.AllocateUninitializedArray<int>(source.Length);
            for (var i = 0; i < narrow.Length; i++) narrow[i] = (int)source[i];
            SegmentSums.Add(TensorSpans.Of<float>(rows), narrow, (int)rows.size(1), TensorSpans.Of<float>(counts),
                TensorSpans.Of<float>(sums));
        }
        else
        {
            counts.index_add_(0, indices, ones(rows.size(0), dtype: rows.dtype, device: rows.device), 1);
            sums.index_add_(0, indices, rows, 1);
        }
        return (counts.MoveToOuterDisposeScope(), sums.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Blocks of scores by one product each, reduced at once. Centred for the same reason as <see cref="Kernels.CodePanels"/>.
    /// </summary>
    internal static Tensor Chunked(Tensor rows, Tensor codes, CodeMetric metric)
    {
        using var scope = NewDisposeScope();
        var bias = zeros(codes.size(0), dtype: codes.dtype, device: codes.device);
        var centre = zeros(codes.size(1), dtype: codes.dtype, device: codes.device);
        if (metric == CodeMetric.Euclidean)
        {
            centre = codes.mean([0]);
            codes = codes - centre;
            bias = codes.square().sum(1).mul_(-0.5);
        }
        var transposed = codes.t();
        var chunk = Math.Max(1, ChunkElements / codes.size(0));
        var parts = new List<Tensor>();
        for (var start = 0L; start < rows.size(0); start += chunk)
        {
            using var inner = NewDisposeScope();
            var block = rows.narrow(0, start, Math.Min(chunk, rows.size(0) - start)) - centre;
            parts.Add(addmm(bias, block, transposed, 1, 1).max(1).indexes.MoveToOuterDisposeScope());
        }
        return cat(parts).MoveToOuterDisposeScope();
    }
}

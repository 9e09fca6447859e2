using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Beam search over the stages of a residual quantizer.</summary>
internal static class ResidualBeam
{
    private const long ChunkElements = 1 << 22;

    /// <summary>
    /// Indices int64 [N, S] whose codes sum to nearly the best approximation of rows [N, D]; never worse than the greedy choice.
    /// </summary>
    public static Tensor Search(Tensor rows, IReadOnlyList<Tensor> codebooks, int beamWidth)
    {
        using var scope = NewDisposeScope();
        var largest = codebooks.Max(c => c.size(0));
        var chunk = Math.Max(1, ChunkElements / (largest * beamWidth));
        var parts = new List<Tensor>();
        for (var start = 0L; start < rows.size(0); start += chunk)
        {
            using var inner = NewDisposeScope();
            parts.Add(Block(rows.narrow(0, start, Math.Min(chunk, rows.size(0) - start)), codebooks, beamWidth).MoveToOuterDisposeScope());
        }
        return cat(parts).MoveToOuterDisposeScope();
    }

    private static Tensor Block(Tensor rows, IReadOnlyList<Tensor> codebooks, int beamWidth)
    {
        var count = rows.size(0);
        var width = rows.size(1);
        var residual = rows.unsqueeze(1);
        var path = empty([count, 1, 0], dtype: ScalarType.Int64, device: rows.device);
        Tensor greedyResidual = rows, greedyPath = empty([count, 0], dtype: ScalarType.Int64, device: rows.device);
        foreach (var codes in codebooks)
        {
            var size = codes.size(0);
            var beams = residual.size(1);
            // |r - c|² is the error so far whichever stages led to r: no score needs to be carried along.
            var error = residual.square().sum(2, true) - (2 * residual.MatMul(codes.t())) + codes.square().sum(1);
            var keep = Math.Min(beamWidth, beams * size);
            var best = error.reshape(count, -1).topk((int)keep, 1, largest: false, sorted: true).indexes;
            var beam = best.div(size, RoundingMode.floor);
            var code = best.remainder(size);
            residual = residual.gather(1, beam.unsqueeze(2).expand(-1, -1, width))
                - codes.index_select(0, code.reshape(-1)).reshape(count, keep, width);
            path = cat([path.gather(1, beam.unsqueeze(2).expand(-1, -1, path.size(2))), code.unsqueeze(2)], 2);
            var nearest = CodeSearch.Nearest(greedyResidual, codes, CodeMetric.Euclidean);
            greedyResidual = greedyResidual - codes.index_select(0, nearest);
            greedyPath = cat([greedyPath, nearest.unsqueeze(1)], 1);
        }
        var (errors, winner) = residual.square().sum(2).min(1);
        var found = path.gather(1, winner.reshape(-1, 1, 1).expand(-1, 1, path.size(2))).squeeze(1);
        return where((errors < greedyResidual.square().sum(1)).unsqueeze(1), found, greedyPath);
    }
}

using Cresset.Detection;
using Cresset.Distributed;

namespace Cresset.Cli.Commands;

/// <summary>An evaluation that ranks share: each matches the images of its own, rank 0 merges them to the digits of one process.</summary>
internal static class DetectRanks
{
    /// <summary>The result, the same as that of one process; only rank 0 has all of it.</summary>
    public static ProtocolResult Evaluate(ICommunicator ranks, DetectionDataset dataset, DetectionResults detections,
        ProtocolOptions options,
        CancellationToken cancellation)
    {
        if (ranks.Size == 1) return ProtocolEvaluator.Evaluate(dataset, detections, options, null, cancellation);
        if (options.Protocol == DetectionProtocol.Tide || options.Hierarchy is not null)
        {
            throw new ArgumentException(
                $"{(options.Hierarchy is null ? "--protocol tide" : "--hierarchy")} needs all images at once; run it as one process.");
        }
        long[] ids = [.. dataset.Images.Select(i => i.Id).Distinct().Order()];
        long[] own = [.. ids.Where((_, i) => i % ranks.Size == ranks.Rank)];
        var part = ProtocolEvaluator.FromDataset(dataset, detections, options with { ImageIds = own }, null, cancellation);
        using var state = new MemoryStream();
        part.Save(state);
        var all = ranks.Gather(state.ToArray());
        if (ranks.Rank > 0) return part.Compute();
        for (var rank = 1; rank < all.Count; rank++) part.Merge(ProtocolEvaluator.Load(new MemoryStream(all[rank]), dataset.Categories,
            options));
        return part.Compute();
    }
}

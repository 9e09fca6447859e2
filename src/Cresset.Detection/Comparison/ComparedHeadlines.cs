namespace Cresset.Detection;

/// <summary>
/// The first number of every protocol with its defaults, on one input. Each is computed as its protocol does; what protocols have in common
/// is done once, and what the first number does not need is left out.
/// </summary>
internal sealed class ComparedHeadlines(DetectionDataset dataset, DetectionResults results)
{
    private readonly List<RankedBackend> _ranked = [];
    private readonly IReadOnlyList<DatasetCategory> _categories = ProtocolEvaluator.InOrder(dataset.Categories);

    public ProtocolStatistic Of(DetectionProtocol protocol, CancellationToken cancellation)
    {
        var options = new ProtocolOptions { Protocol = protocol };
        if (DetectionProtocols.IsCocoFamily(protocol))
        {
            // Its AP is taken over all sizes, at the largest number of detections.
            options = options with { AreaRanges = [new CocoOptions().AreaRanges[0]] };
            if (protocol != DetectionProtocol.Lvis) options = options with { MaxDetections = [new CocoOptions().MaxDetections[^1]] };
            return ProtocolEvaluator.Evaluate(dataset, results, options, null, cancellation).Statistics[0];
        }
        if (protocol == DetectionProtocol.Tide)
        {
            var tide = new TideEvaluator();
            return new ProtocolStatistic("AP", tide.ComputeAp(tide.AddDataset(dataset, results, cancellation)));
        }
        if (_ranked.Select(r => r.Under(options)).FirstOrDefault(r => r is not null) is { } shared) return shared.Headline();
        var backend = new RankedBackend(options, _categories);
        backend.AddDataset(dataset, results, null, cancellation);
        _ranked.Add(backend);
        return backend.Headline();
    }
}

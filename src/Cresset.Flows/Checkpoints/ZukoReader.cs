using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Flows of zuko: couplings and masked autoregressive transforms with affine maps or splines.</summary>
internal sealed class ZukoReader(FlowCheckpointOptions options)
{
    private readonly double _bound = options.Bound > 0 ? options.Bound : 5;

    public Flow Read(ForeignState state)
    {
        var prior = state.Under("base");
        if (!prior.Has("loc") || !prior.Has("scale"))
            throw prior.Refused(
                $"the base distribution is read where it is DiagNormal (loc, scale); this one holds "
                    + $"{string.Join(", ", prior.Keys.Take(5))}");
        var normal = new NormalBase(prior.Size("loc", 0));
        prior.Fill(normal, new Dictionary<string, Tensor> { ["loc"] = prior.Take("loc"), ["scale"] = prior.Take("scale") });
        var list = state.Under("transform.transforms");
        var numbers = list.Numbers();
        if (numbers.Length == 0 || numbers.Length != numbers[^1] + 1)
            throw list.Refused("a transform has no tensors in the file, so that nothing says what it is");
        return new Flow(new CompositeTransform(numbers.Select(i => Part(list.Under(i), prior.Size("loc", 0)))), normal);
    }

    private FlowTransform Part(ForeignState at, long features)
    {
        var net = at.Under("hyper");
        if (net.IsEmpty) throw at.Refused($"this transform is not known; it holds {string.Join(", ", at.Keys.Take(5))}");
        if (at.Has("mask"))
        {
            bool[] passes = [.. at.Integers("mask").Select(m => m != 0)];
            var (inputs, outputs, hidden, state) = net.Perceptron();
            int kept = passes.Count(p => p), changed = passes.Length - kept;
            var map = Map(net, outputs, changed);
            return at.Fill(new Coupling(passes, map, (i, o) => new MlpConditioner(i, o, hidden, inputs - kept, options.Activation)),
                state.ToDictionary(p => $"hyper.{p.Key}", p => p.Value));
        }
        // Numbers of masked layers: activations have none.
        var layers = net.Numbers();
        if (layers.Length == 0 || layers.Any(l => !net.Under(l).Has("mask")))
            throw net.Refused("networks are read that consist of (masked) linear layers and activations without weights");
        at.Skip("order");
        Dictionary<string, Tensor> values = [];
        for (var i = 0; i < layers.Length; i++)
        {
            foreach (var part in new[] { "weight", "bias", "mask" })
                values[System.FormattableString.Invariant($"hyper.{2 * i}.{part}")] = net.Under(layers[i]).Take(part);
        }
        long last = values[System.FormattableString.Invariant($"hyper.{2 * (layers.Length - 1)}.weight")].size(0),
            context = values["hyper.0.weight"].size(1) - features;
        if (context < 0) throw net.Refused($"a network of {context + features} inputs does not fit {features} features");
        var univariate = Map(net, last, features);
        var widths = layers.SkipLast(1)
            .Select((_, i) => checked((int)values[System.FormattableString.Invariant($"hyper.{2 * i}.weight")].size(0)));
        // The order is read off the masks.
        var made = new Made([.. Enumerable.Range(0, (int)features)], univariate.Parameters, [.. widths], context, options.Activation);
        return at.Fill(new MaskedAutoregressive(made, univariate), values);
    }

    private Univariate Map(ForeignState at, long outputs, long values)
    {
        var perValue = (int)(outputs / values);
        if (outputs % values == 0 && perValue == 2) return new AffineUnivariate(AffineScale.SoftClip);
        if (outputs % values != 0 || perValue < 5 || perValue % 3 != 2)
            throw at.Refused(
                $"{outputs} outputs for {values} values: maps are read that are affine (2 each) or rational-quadratic splines of K bins (3 "
                    + $"K - 1)");
        return new RationalQuadraticSpline(
            SplineOptions.Bounded(_bound, (perValue + 1) / 3) with { Parameters = SplineParameters.SoftClip });
    }
}

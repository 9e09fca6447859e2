using System.Globalization;
using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Transforms that nflows and normflows (whose splines come from it) store alike.</summary>
/// <param name="Bound">Splines act on [-bound, bound].</param>
/// <param name="CouplingScale">Of affine couplings.</param>
/// <param name="AutoregressiveScale">Of affine autoregressive transforms.</param>
/// <param name="Context">How a context enters masked networks.</param>
/// <param name="Feedforward">Masked networks without residual blocks have an activation after their first layer, as ours.</param>
/// <param name="Activation">Of those networks.</param>
internal sealed record NflowsLayers(double Bound, AffineScale CouplingScale, AffineScale AutoregressiveScale, ResidualMadeContext Context,
    bool Feedforward, ActivationOptions Activation)
{
    /// <summary>A coupling, and what maps the features that pass where they are mapped too.</summary>
    public IEnumerable<FlowTransform> Coupling(ForeignState at)
    {
        int[] kept = at.Integers("identity_features"), changed = at.Integers("transform_features");
        var passes = new bool[kept.Length + changed.Length];
        if (changed.Length == 0 || !kept.Concat(changed).Order().SequenceEqual(Enumerable.Range(0, passes.Length))
            || !changed.SequenceEqual(changed.Order()) || !kept.SequenceEqual(kept.Order()))
        {
            throw at.Refused("the features that pass and those that are mapped are not an ordered division of all");
        }
        foreach (var i in kept) passes[i] = true;
        var net = at.Under("transform_net");
        if (!net.Has("initial_layer.weight")) throw net.Refused("networks of couplings are read that are ResidualNet");
        if (net.Keys.Any(k => k.Contains("batch_norm", StringComparison.Ordinal)))
            throw net.Refused("networks with batch norm inside are not read");
        long hidden = net.Size("initial_layer.weight", 0), context = net.Size("initial_layer.weight", 1) - kept.Length,
            outputs = net.Size("final_layer.weight", 0);
        if (context < 0 || outputs % changed.Length != 0)
            throw net.Refused(
                $"a network of {kept.Length + context} inputs and {outputs} outputs does not fit {kept.Length} features that pass and "
                    + $"{changed.Length} that are mapped");
        var perValue = (int)(outputs / changed.Length);
        Univariate map = perValue switch
        {
            1 => new AdditiveUnivariate(),
            2 => new AffineUnivariate(CouplingScale),
            _ => Spline(net, perValue, 1 / Math.Sqrt(hidden)),
        };
        var blocks = net.Under("blocks").Numbers().Length;
        yield return at.Fill(
            new Coupling(passes, map, (i, o) => new ResidualConditioner(i, o, (int)hidden, blocks, context),
                perValue == 2 ? ParameterLayout.ByParameter : ParameterLayout.ByValue),
            net.Keys.ToDictionary(k => $"hyper.{k}", net.Take));
        var unconditional = at.Under("unconditional_transform");
        if (unconditional.IsEmpty) yield break;
        var raw = cat([unconditional.Take("unnormalized_widths"), unconditional.Take("unnormalized_heights"),
            unconditional.Take("unnormalized_derivatives")], 1);
        yield return new ElementwiseTransform(passes, Spline(unconditional, (int)raw.size(1), 1), raw);
    }

    /// <summary>A masked autoregressive transform; affine ones have the scale first.</summary>
    public MaskedAutoregressive Autoregressive(ForeignState at)
    {
        var net = at.Under("autoregressive_net");
        long features = net.Size("initial_layer.weight", 1), hidden = net.Size("initial_layer.weight", 0),
            outputs = net.Size("final_layer.weight", 0);
        if (net.Keys.Any(k => k.Contains("batch_norm", StringComparison.Ordinal)))
            throw net.Refused("networks with batch norm inside are not read");
        if (outputs % features != 0) throw net.Refused($"{outputs} outputs are not a whole number for each of {features} features");
        var perValue = (int)(outputs / features);
        Univariate map = perValue == 2 ? new AffineUnivariate(AutoregressiveScale, scaleFirst: true) : Spline(net, perValue, 1);
        var context = net.Has("context_layer.weight") ? net.Size("context_layer.weight", 1) : 0;
        var blocks = net.Under("blocks").Numbers();
        string[] degrees = [.. net.Keys.Where(k => k.EndsWith(".degrees", StringComparison.Ordinal))];
        net.Skip(degrees);
        if (blocks.Length == 0 || net.Has("blocks.0.linear_layers.0.weight"))
        {
            // Without its masks a network would keep those of another order.
            string[] layers = ["initial_layer",
                .. blocks.SelectMany(
                    b => (string[])[string.Create(CultureInfo.InvariantCulture, $"blocks.{b}.linear_layers.0"),
                        string.Create(CultureInfo.InvariantCulture, $"blocks.{b}.linear_layers.1")]), "final_layer"];
            if (layers.FirstOrDefault(l => !net.Has($"{l}.mask")) is { } bare)
                throw net.Refused($"there is no '{bare}.mask': a masked network is read with its masks");
            return at.Fill(
                new MaskedAutoregressive(new ResidualMade((int)features, perValue, (int)hidden, blocks.Length, context, Context), map),
                net.Keys.Except(degrees).ToDictionary(k => $"hyper.{k}", net.Take));
        }
        if (!Feedforward || context > 0)
            throw net.Refused("masked networks without residual blocks are read from nflows, without a context");
        Dictionary<string, Tensor> state = [];
        string[] names = ["initial_layer", .. blocks.Select(b => string.Create(CultureInfo.InvariantCulture, $"blocks.{b}.linear")),
            "final_layer"];
        for (var i = 0; i < names.Length; i++)
        {
            foreach (var part in new[] { "weight", "bias", "mask" })
                state[string.Create(CultureInfo.InvariantCulture, $"hyper.{2 * i}.{part}")] = net.Take($"{names[i]}.{part}");
        }
        var made = new Made([.. Enumerable.Range(0, (int)features)], perValue, [.. Enumerable.Repeat((int)hidden, blocks.Length + 1)], 0,
            Activation);
        return at.Fill(new MaskedAutoregressive(made, map), state);
    }

    /// <summary>z = L U x + b.</summary>
    public static LuLinear Lu(ForeignState at)
        => at.Fill(new LuLinear(checked((int)at.Size("bias", 0))),
            new[] { "lower_entries", "upper_entries", "unconstrained_upper_diag", "bias" }.ToDictionary(k => k, at.Take));

    /// <summary>z = scale x + shift, feature by feature.</summary>
    public static ActNorm Affine(ForeignState at, Tensor scale, Tensor shift)
    {
        scale = scale.reshape(1, -1);
        return at.Fill(new ActNorm(scale.size(1)),
            new Dictionary<string, Tensor>
            {
                ["scale"] = scale,
                ["loc"] = shift.reshape(1, -1) / scale,
                ["initialized"] = ones(1, dtype: ScalarType.Byte).reshape([])
            });
    }

    private RationalQuadraticSpline Spline(ForeignState at, int perValue, double rawScale)
    {
        // 3 K - 1 numbers for K bins with linear tails.
        if (perValue < 5 || perValue % 3 != 2)
            throw at.Refused(
                $"{perValue} parameters per value: maps are read that are additive (1), affine (2) or rational-quadratic splines of K bins "
                    + $"with linear tails (3 K - 1)");
        return new RationalQuadraticSpline(SplineOptions.Bounded(Bound, (perValue + 1) / 3) with { RawScale = rawScale });
    }
}

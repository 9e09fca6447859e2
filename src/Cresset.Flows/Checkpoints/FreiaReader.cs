using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Chains of FrEIA's blocks over vectors (SequenceINN, or a GraphINN that is a chain).</summary>
internal sealed class FreiaReader(FlowCheckpointOptions options)
{
    private long _features;

    public Flow Read(ForeignState state)
    {
        var list = state.Under("module_list");
        var numbers = list.Numbers();
        if (numbers.Length == 0 || numbers.Length != numbers[^1] + 1)
            throw list.Refused("a block has no tensors in the file, so that nothing says what it is");
        List<FlowTransform> parts = [.. numbers.SelectMany(i => Part(list.Under(i)))];
        return new Flow(new CompositeTransform(parts), new NormalBase(_features));
    }

    private IEnumerable<FlowTransform> Part(ForeignState at)
    {
        if (at.Has("global_scale")) return AllInOne(at);
        if (!at.Under("subnet_s1").IsEmpty) return TwoSided(at, Pair, "subnet_s2", "subnet_t2", "subnet_s1", "subnet_t1");
        if (!at.Under("subnet1").IsEmpty) return TwoSided(at, One, "subnet2", "", "subnet1", "");
        if (!at.Under("F").IsEmpty) return TwoSided(at, Shift, "F", "", "G", "");
        if (at.Has("perm"))
        {
            at.Skip("perm_inv");
            var order = at.Integers("perm");
            _ = Known(at, order.Length);
            return [new Permutation(order)];
        }
        if (at.Has("log_scale") && at.Has("loc"))
        {
            at.Skip("is_initialized");
            var scale = (-at.Take("log_scale")).exp();
            if (scale.dim() != 2) throw at.Refused("blocks over vectors are read");
            _ = Known(at, scale.size(1));
            return [NflowsLayers.Affine(at, scale, -at.Take("loc") * scale)];
        }
        throw at.Refused($"this block is not known; it holds {string.Join(", ", at.Keys.Take(5))}");
    }

    // The second half is mapped by the first, then all are scaled and shifted, then exchanged.
    private IEnumerable<FlowTransform> AllInOne(ForeignState at)
    {
        Tensor raw = at.Take("global_scale"), offset = at.Take("global_offset");
        if (raw.dim() != 2) throw at.Refused("blocks over vectors are read");
        if (at.Has("vk_householder") || !at.Has("w_perm") || at.Take("w_perm").dim() != 1)
            throw at.Refused("blocks are read whose permutation is hard (permute_soft and learned_householder_permutation are not)");
        at.Skip("w_perm_inv");
        var features = (int)Known(at, raw.size(1));
        var (inputs, outputs, hidden, state) = at.Under("subnet").Perceptron();
        int kept = (features + 1) / 2, changed = features - kept;
        if (inputs < kept || outputs != 2 * changed)
            throw at.Refused($"a network of {inputs} inputs and {outputs} outputs does not fit {features} features");
        // s = 2 tanh(0.1 a / 2) and t = 0.1 a: the factors go into the last layer.
        var factors = cat([full([changed], 0.05, dtype: raw.dtype), full([changed], 0.1, dtype: raw.dtype)]);
        foreach (var part in new[] { "weight", "bias" })
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{2 * hidden.Length}.{part}");
            state[key] = state[key] * (part == "weight" ? factors.unsqueeze(1) : factors);
        }
        var coupling = new Coupling(FeatureMasks.Half(features, true),
            new AffineUnivariate(AffineScale.HyperbolicTangent, scaleFirst: true),
            (i, o) => new MlpConditioner(i, o, hidden, inputs - kept, options.Activation), ParameterLayout.ByParameter);
        yield return at.Fill(coupling, state.ToDictionary(p => $"hyper.{p.Key}", p => p.Value));
        yield return NflowsLayers.Affine(at, nn.functional.softplus(raw, 0.5, 20) * 0.1, offset);
        var mixed = at.Integers("w_perm");
        if (mixed.Length != features) throw at.Refused($"a permutation of {mixed.Length} for {features} features");
        yield return new Permutation(mixed);
    }

    private delegate (Univariate Map, Func<long, long, Conditioner> Network, long Inputs, long Changed,
        Dictionary<string, Tensor> State) Side(ForeignState at, string name, string other);

    // The first part is mapped by the second, then the second by the new first.
    private IEnumerable<FlowTransform> TwoSided(ForeignState at, Side side, string first, string firstOther, string second,
        string secondOther)
    {
        var (a, b) = (side(at, first, firstOther), side(at, second, secondOther));
        var features = (int)Known(at, a.Changed + b.Changed);
        bool[] firstPasses = [.. Enumerable.Range(0, features).Select(i => i < a.Changed)], secondPasses = [.. firstPasses.Select(p => !p)];
        if (a.Inputs < b.Changed || b.Inputs < a.Changed)
            throw at.Refused($"networks of {a.Inputs} and {b.Inputs} inputs do not fit parts of {a.Changed} and {b.Changed} features");
        yield return at.Fill(new Coupling(secondPasses, a.Map, a.Network, ParameterLayout.ByParameter), a.State);
        yield return at.Fill(new Coupling(firstPasses, b.Map, b.Network, ParameterLayout.ByParameter), b.State);
    }

    private (Univariate Map, Func<long, long, Conditioner> Network, long Inputs, long Changed,
        Dictionary<string, Tensor> State) One(ForeignState at, string name, string other)
    {
        var (inputs, outputs, hidden, state) = at.Under(name).Perceptron();
        if (outputs % 2 != 0) throw at.Under(name).Refused($"{outputs} outputs are not pairs of scale and shift");
        return (new AffineUnivariate(AffineScale.ArcTangent, scaleFirst: true),
            (i, o) => new MlpConditioner(i, o, hidden, inputs - i, options.Activation), inputs, outputs / 2,
            state.ToDictionary(p => $"hyper.{p.Key}", p => p.Value));
    }

    private (Univariate Map, Func<long, long, Conditioner> Network, long Inputs, long Changed,
        Dictionary<string, Tensor> State) Pair(ForeignState at, string name, string other)
    {
        var (inputs, outputs, hidden, state) = at.Under(name).Perceptron();
        var (_, _, otherHidden, otherState) = at.Under(other).Perceptron();
        var both = state.Select(p => ($"hyper.first.{p.Key}", p.Value)).Concat(otherState.Select(p => ($"hyper.second.{p.Key}", p.Value)))
            .ToDictionary(p => p.Item1, p => p.Value);
        return (
            new AffineUnivariate(AffineScale.ArcTangent, scaleFirst: true),
            (i, o) =>
                new PairConditioner(new MlpConditioner(i, o / 2, hidden, inputs - i, options.Activation),
                    new MlpConditioner(i, o / 2, otherHidden, inputs - i, options.Activation)),
            inputs,
            outputs,
            both);
    }

    private (Univariate Map, Func<long, long, Conditioner> Network, long Inputs, long Changed,
        Dictionary<string, Tensor> State) Shift(ForeignState at, string name, string other)
    {
        var (inputs, outputs, hidden, state) = at.Under(name).Perceptron();
        return (new AdditiveUnivariate(), (i, o) => new MlpConditioner(i, o, hidden, inputs - i, options.Activation), inputs, outputs,
            state.ToDictionary(p => $"hyper.{p.Key}", p => p.Value));
    }

    private long Known(ForeignState at, long features)
    {
        if (_features != 0 && _features != features) throw at.Refused($"a block of {features} features follows one of {_features}");
        return _features = features;
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Flows of normflows, whose flows run from the latent to the data: they are read from the last to the first, each in its inverse.
/// </summary>
internal sealed class NormflowsReader(FlowCheckpointOptions options)
{
    private readonly NflowsLayers _layers = new(options.Bound > 0 ? options.Bound : 3, AffineScale.Exponential, AffineScale.SigmoidOffset,
        ResidualMadeContext.Gating, Feedforward: false, options.Activation);

    public Flow Read(ForeignState state)
    {
        var prior = state.Under("q0");
        if (!prior.Has("loc") || !prior.Has("log_scale") || prior.Take("loc").dim() != 2 || prior.Size("loc", 0) != 1)
        {
            throw prior.Refused(
                $"the base distribution is read where it is DiagGaussian over vectors (loc, log_scale [1, D]); this one holds "
                    + $"{string.Join(", ", prior.Keys.Take(5))}");
        }
        var features = (int)prior.Size("loc", 1);
        var normal = prior.Fill(new ClassConditionalNormal(1, features),
            new Dictionary<string, Tensor> { ["loc"] = prior.Take("loc"), ["log_scale"] = prior.Take("log_scale") });
        // The density that a model approximates is not part of it.
        var target = state.Under("p");
        target.Skip([.. target.Keys]);
        var list = state.Under("flows");
        var numbers = list.Numbers();
        if (numbers.Length == 0) throw list.Refused("there are no flows");
        if (options.FlowsWithSwaps > 0 && options.FlowsWithSwaps <= numbers[^1])
            throw list.Refused($"the file has flow {numbers[^1]}, and FlowsWithSwaps says that there are {options.FlowsWithSwaps}");
        List<FlowTransform> parts = [];
        for (var i = (options.FlowsWithSwaps > 0 ? options.FlowsWithSwaps : numbers[^1] + 1) - 1; i >= 0; i--)
        {
            if (numbers.Contains(i)) parts.AddRange(Part(list.Under(i), features));
            else if (options.FlowsWithSwaps > 0) parts.Add(Swap(features));
            else throw list.Refused(
                $"flow {i} has no tensors in the file. If it is Permute(mode=\"swap\"), say how many flows the model has: FlowsWithSwaps "
                    + $"(one behind the last counts too)");
        }
        return new Flow(new CompositeTransform(parts), normal);
    }

    private IEnumerable<FlowTransform> Part(ForeignState at, int features)
    {
        if (at.Has("b")) return [new InvertedTransform(Masked(at, features))];
        if (!at.Under("flows.1.param_map").IsEmpty) return [new InvertedTransform(Block(at.Under("flows.1.param_map"), features))];
        if (at.Has("perm") && at.Has("inv_perm"))
        {
            at.Skip("perm");
            return [new Permutation(at.Integers("inv_perm"))];
        }
        if (at.Has("s") && at.Has("t"))
        {
            at.Skip("data_dep_init_done");
            var scale = (-at.Take("s")).exp();
            return [NflowsLayers.Affine(at, scale, -at.Take("t") * scale)];
        }
        if (!at.Under("prqct").IsEmpty) return _layers.Coupling(at.Under("prqct"));
        if (!at.Under("mprqat").IsEmpty) return [_layers.Autoregressive(at.Under("mprqat"))];
        if (at.Has("autoregressive_net.initial_layer.weight")) return [new InvertedTransform(_layers.Autoregressive(at))];
        if (at.Has("permutation._permutation") && at.Has("linear.lower_entries"))
            return [new Permutation(at.Integers("permutation._permutation")), NflowsLayers.Lu(at.Under("linear"))];
        throw at.Refused($"this flow is not known; it holds {string.Join(", ", at.Keys.Take(5))}");
    }

    // b z + (1 - b)(z exp(s(b z)) + t(b z)): of the networks only columns of what passes and rows of what is mapped count.
    private Coupling Masked(ForeignState at, int features)
    {
        bool[] passes = [.. at.Integers("b").Select(b => b != 0)];
        if (passes.Length != features) throw at.Refused($"a mask of {passes.Length} for {features} features");
        if (at.Under("s.net").IsEmpty || at.Under("t.net").IsEmpty)
            throw at.Refused("masked affine flows are read with both networks, s and t, each a multi-layer perceptron");
        Tensor kept = Index(passes, true), changed = Index(passes, false);
        Dictionary<string, Tensor> state = [];
        int[][] hidden = [.. new[] { ("first", "t"), ("second", "s") }.Select(pair =>
        {
            var (inputs, outputs, widths, values) = at.Under($"{pair.Item2}.net").Perceptron();
            if (inputs != features || outputs != features)
                throw at.Refused($"network {pair.Item2} takes {inputs} values to {outputs}; there are {features} features");
            var last = 2 * widths.Length;
            foreach (var (key, value) in values)
            {
                var cut = key.StartsWith("0.w", StringComparison.Ordinal) ? value.index_select(1, kept) : value;
                state[$"hyper.{pair.Item1}.{key}"] =
                    key.StartsWith(System.FormattableString.Invariant($"{last}."), StringComparison.Ordinal) ? cut.index_select(0, changed)
                        : cut;
            }
            return widths;
        })];
        return at.Fill(
            new Coupling(
                passes,
                new AffineUnivariate(AffineScale.Exponential),
                (i, o) =>
                    new PairConditioner(new MlpConditioner(i, o / 2, hidden[0], 0, options.Activation),
                        new MlpConditioner(i, o / 2, hidden[1], 0, options.Activation)),
                ParameterLayout.ByParameter),
            state);
    }

    private Coupling Block(ForeignState at, int features)
    {
        var (inputs, outputs, hidden, state) = at.Under("net").Perceptron();
        // The first half is the larger; where both are equal the split is "channel", the default.
        var first = (features + 1) / 2;
        bool[] passes = inputs == first ? FeatureMasks.Half(features, true) : inputs == features - first
            ? FeatureMasks.Half(features, false)
            : throw at.Refused($"a network of {inputs} inputs is none of a block that halves {features} features");
        var changed = features - inputs;
        Univariate map = outputs == changed ? new AdditiveUnivariate() : outputs == 2 * changed
            ? new AffineUnivariate(options.CouplingScale ?? AffineScale.Exponential)
            : throw at.Refused($"{outputs} outputs for {changed} values: blocks are read that shift (1 each) or scale and shift (2)");
        return at.Fill(new Coupling(passes, map, (i, o) => new MlpConditioner(i, o, hidden, 0, options.Activation)),
            state.ToDictionary(p => $"hyper.{p.Key}", p => p.Value));
    }

    private static Permutation Swap(int features)
    {
        var first = (features + 1) / 2;
        return new Permutation([.. Enumerable.Range(first, features - first), .. Enumerable.Range(0, first)]);
    }

    private static Tensor Index(bool[] passes, bool which) =>
        tensor(Enumerable.Range(0, passes.Length).Where(i => passes[i] == which).Select(i => (long)i).ToArray());
}

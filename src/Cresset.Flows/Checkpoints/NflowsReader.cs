using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Flows of nflows.</summary>
internal sealed class NflowsReader(FlowCheckpointOptions options)
{
    private readonly NflowsLayers _layers = new(options.Bound > 0 ? options.Bound : 1, options.CouplingScale ?? AffineScale.SigmoidOffset,
        AffineScale.Softplus, ResidualMadeContext.Added, Feedforward: true, options.Activation);

    public Flow Read(ForeignState state)
    {
        if (!state.Under("_embedding_net").IsEmpty)
            throw state.Under("_embedding_net")
                .Refused(
                    "the embedding network is a module of the user's own; take its keys out of the file and give it the flow's context "
                        + "yourself");
        var prior = state.Under("_distribution");
        prior.Skip("_log_z");
        if (prior.Keys.FirstOrDefault(k => k != "_log_z") is { } key)
            throw prior.Refused($"the base distribution is read where it is StandardNormal; this one has '{key}'");
        var transform = state.Under("_transform");
        var features = Features(transform);
        return new Flow(new CompositeTransform(Parts(transform, features)), new NormalBase(features));
    }

    private List<FlowTransform> Parts(ForeignState at, long features)
    {
        var list = at.Under("_transforms");
        if (!list.IsEmpty)
        {
            var numbers = list.Numbers();
            if (numbers.Length != numbers[^1] + 1)
                throw list.Refused(
                    $"transform {Enumerable.Range(0, numbers[^1]).Except(numbers).First()} has no tensors in the file, so that nothing "
                        + $"says what it is");
            return [.. numbers.SelectMany(i => Parts(list.Under(i), features))];
        }
        if (at.Has("identity_features")) return [.. _layers.Coupling(at)];
        if (at.Has("autoregressive_net.initial_layer.weight")) return [_layers.Autoregressive(at)];
        if (at.Has("_permutation")) return [new Permutation(at.Integers("_permutation"))];
        if (at.Has("lower_entries")) return [NflowsLayers.Lu(at)];
        if (at.Has("log_scale") && at.Has("shift"))
        {
            at.Skip("initialized");
            return [NflowsLayers.Affine(at, at.Take("log_scale").exp(), at.Take("shift"))];
        }
        if (at.Has("unconstrained_weight"))
            return [at.Fill(new BatchNormTransform((int)at.Size("bias", 0)),
                new[] { "unconstrained_weight", "bias", "running_mean", "running_var" }.ToDictionary(k => k, at.Take))];
        if (at.Has("_shift") && at.Has("_scale"))
            return [NflowsLayers.Affine(at, at.Take("_scale").flatten().expand(features), at.Take("_shift").flatten().expand(features))];
        if (!at.Under("_transform").IsEmpty)
            return [.. Enumerable.Reverse(Parts(at.Under("_transform"), features)).Select(p => new InvertedTransform(p))];
        throw at.Refused($"this transform is not known; it holds {string.Join(", ", at.Keys.Take(5))}");
    }

    // Of the first tensor that says it.
    private static long Features(ForeignState at)
    {
        foreach (var key in at.Keys)
        {
            if (key.EndsWith("identity_features", StringComparison.Ordinal))
                return at.Size(key, 0) + at.Size(key.Replace("identity_features", "transform_features", StringComparison.Ordinal), 0);
            if (key.EndsWith("autoregressive_net.initial_layer.weight", StringComparison.Ordinal)) return at.Size(key, 1);
            if (key.EndsWith("_permutation", StringComparison.Ordinal) || key.EndsWith("log_scale", StringComparison.Ordinal)
                || key.EndsWith("unconstrained_upper_diag", StringComparison.Ordinal)
                || key.EndsWith("running_mean", StringComparison.Ordinal)) return at.Size(key, 0);
        }
        throw at.Refused("no transform says how many features there are");
    }
}

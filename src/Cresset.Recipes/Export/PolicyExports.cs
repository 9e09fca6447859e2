using System.Globalization;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>A trained policy as a function: observations in the environment's own units to actions as the environment takes them.</summary>
internal sealed class PolicyExports : IExportsGraphs, IDisposable
{
    private const int Checked = 16;
    private readonly nn.Module<Tensor, Tensor> _network;
    private readonly Func<Tensor, Tensor> _act;
    private readonly string _outputs;
    private readonly long _observations;

    private PolicyExports(nn.Module<Tensor, Tensor> network, Func<Tensor, Tensor> act, string outputs, long observations) =>
        (_network, _act, _outputs, _observations) = (network, act, outputs, observations);

    /// <summary>The policy of an agent by its file.</summary>
    /// <exception cref="NotSupportedException">This kind of network or action has no rule.</exception>
    public static PolicyExports Of<TAction>(IAgent<TAction> agent, object options, IEnvironment<float, TAction> environment, string path)
        where TAction : unmanaged
    {
        if (agent.MemorySize > 0)
            throw new NotSupportedException("The policy remembers what it saw before; policies that read one observation are exported.");
        using var state = Snapshot.Read(path);
        using var quiet = no_grad();
        var size = environment.ObservationSpace.Size;
        var tensors = state.Tensors;
        var prefix = tensors.Keys.Any(k => k.StartsWith("policy.", StringComparison.Ordinal)) ? "policy." : "";
        var weights = tensors.Where(t => t.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(t => t.Key[prefix.Length..], t => t.Value);
        if (!weights.TryGetValue("layers.0.weight", out var first) || first.size(1) != size)
            throw new NotSupportedException(
                $"The policy reads its observations with an encoder; policies of fully connected layers over {size} numbers are exported.");
        var moments = agent.Moments is [var learned, ..] ? Standardisation(learned) : ((Tensor, Tensor)?)null;
        if (agent.Moments.Count > 1) throw new NotSupportedException("Its observations are standardised more than once.");
        if (weights.Keys.Any(k => k.EndsWith("sigma", StringComparison.Ordinal) || k.Contains("cosine", StringComparison.Ordinal))
            || (options is DqnOptions { Values: not ValueKind.Mean } or DqnOptions { Dueling: true }))
            throw new NotSupportedException("Its values are noisy, dueling or distributions; networks of plain mean values are exported.");
        var network = new PolicyNetwork(weights, Activation(options), moments);
        var exports = new PolicyExports(network, Head(options, environment.ActionSpace),
            environment.ActionSpace is Box ? "action" : "choice", size);
        exports.Compare(agent, environment, moments);
        return exports;
    }

    /// <inheritdoc/>
    public IReadOnlyList<ExportedGraph> Graphs()
    {
        using var generator = new Generator(0);
        return [new("", _network, x => [_act(_network.call(x[0]))], [randn([2, _observations], generator: generator)], ["observation"],
            [_outputs])];
    }

    public void Dispose() => _network.Dispose();

    private static Func<Tensor, Tensor> Activation(object options)
    {
        var kind = options switch { ActorCriticOptions o => o.Activation, ReinforceOptions o => o.Activation, _ => MlpActivation.Relu };
        return kind == MlpActivation.Tanh ? x => x.tanh() : x => nn.functional.relu(x);
    }

    // What the agent does with its network's outputs when it does not explore.
    private static Func<Tensor, Tensor> Head(object options, object actions)
    {
        switch (actions)
        {
            case Discrete choices:
                return x => x.argmax(1) + choices.Start;
            case Box box:
                var (low, high) = (tensor(box.Low.ToArray()).DetachFromDisposeScope(), tensor(box.High.ToArray()).DetachFromDisposeScope());
                // Off-policy agents squash into their bounds, the others are cut at them; what stands behind the means are deviations.
                return options is SacOptions or Td3Options
                    ? x => ((x.narrow(1, 0, box.Size).tanh() + 1) * 0.5 * (high - low)) + low
                    : x => maximum(minimum(x.narrow(1, 0, box.Size), high), low);
            default:
                throw new NotSupportedException($"Actions of {actions} have no rule; choices (Discrete) and boxes are exported.");
        }
    }

    private static (Tensor, Tensor) Standardisation(RunningMoments moments)
        => (tensor(moments.Mean.ToArray().Select(m => (float)m).ToArray()),
            tensor(moments.Variance.ToArray().Select(v => MathF.Sqrt((float)v + 1e-8f)).ToArray()));

    // The same actions as the agent's own.
    private void Compare<TAction>(IAgent<TAction> agent, IEnvironment<float, TAction> environment, (Tensor Mean, Tensor Deviation)? moments)
        where TAction : unmanaged
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var observations = randn([Checked, _observations], generator: generator);
        // The agent sees what the environment's wrapper made of an observation.
        var seen = moments is { } m ? (observations - m.Mean) / m.Deviation : observations;
        var width = environment.ActionSpace.Size;
        var taken = new TAction[Checked * width];
        agent.Act(seen.contiguous().data<float>().ToArray(), Checked, taken);
        var found = _act(_network.call(observations)).to(ScalarType.Float64).flatten().data<double>().ToArray();
        for (var i = 0; i < taken.Length; i++)
        {
            var own = Convert.ToDouble(taken[i], System.Globalization.CultureInfo.InvariantCulture);
            if (!(Math.Abs(own - found[i]) <= 1e-3 * Math.Max(1, Math.Abs(own))))
                throw new NotSupportedException(
                    string.Create(CultureInfo.InvariantCulture,
                        $"The exported policy would act otherwise than the agent ({found[i]} for {own}); this kind of policy has no "
                            + $"rule."));
        }
    }
}

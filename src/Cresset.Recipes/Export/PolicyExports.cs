using System.Globalization;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// A trained policy as a function: observations in the environment's own units to actions as the environment takes them. Of a policy that
/// remembers it is one step of an episode: what it remembers comes in and goes out.
/// </summary>
internal sealed class PolicyExports : IExportsGraphs, IDisposable
{
    private const int Checked = 16, CheckedSteps = 8;
    private readonly PolicyNetwork _network;
    private readonly Func<Tensor, Tensor> _act;
    private readonly string _outputs;
    private readonly long _observations;
    private readonly int _units;

    private PolicyExports(PolicyNetwork network, Func<Tensor, Tensor> act, string outputs, long observations, int units) =>
        (_network, _act, _outputs, _observations, _units) = (network, act, outputs, observations, units);

    /// <summary>The policy of an agent by its file.</summary>
    /// <exception cref="NotSupportedException">This kind of network or action has no rule.</exception>
    public static PolicyExports Of<TAction>(IAgent<TAction> agent, object options, IEnvironment<float, TAction> environment, string path)
        where TAction : unmanaged
    {
        using var state = Snapshot.Read(path);
        using var quiet = no_grad();
        var size = environment.ObservationSpace.Size;
        var tensors = state.Tensors;
        Dictionary<string, Tensor> Under(string start) => tensors.Where(t => t.Key.StartsWith(start, StringComparison.Ordinal))
            .ToDictionary(t => t.Key[start.Length..], t => t.Value);
        var prefix = tensors.Keys.Any(k => k.StartsWith("policy.", StringComparison.Ordinal)) ? "policy." : "";
        var weights = Under(prefix);
        (IReadOnlyDictionary<string, Tensor> Weights, bool BesideObservation)? memory = null;
        if (agent.MemorySize > 0)
        {
            // A GRU stands within the policy, or as an encoder before policy and critics, which then see the observation too.
            var within = Under(prefix + "memory.");
            memory = within.Count > 0 ? (within, false) : (Under("encoder.memory."), true);
            if (!memory.Value.Weights.TryGetValue("weight_ih", out var read) || read.size(1) != size)
                throw new NotSupportedException(
                    $"The policy's memory reads its observations with an encoder; a memory of {size} numbers as they are is exported.");
        }
        var width = memory switch { null => size, (_, true) => size + agent.MemorySize, _ => agent.MemorySize };
        if (!weights.TryGetValue("layers.0.weight", out var first) || first.size(1) != width)
            throw new NotSupportedException(
                $"The policy reads its observations with an encoder; policies of fully connected layers over {size} numbers are exported.");
        var moments = agent.Moments is [var learned, ..] ? Standardisation(learned) : ((Tensor, Tensor)?)null;
        if (agent.Moments.Count > 1) throw new NotSupportedException("Its observations are standardised more than once.");
        if (weights.Keys.Any(k => k.EndsWith("sigma", StringComparison.Ordinal) || k.Contains("cosine", StringComparison.Ordinal))
            || (options is DqnOptions { Values: not ValueKind.Mean } or DqnOptions { Dueling: true }))
            throw new NotSupportedException("Its values are noisy, dueling or distributions; networks of plain mean values are exported.");
        var network = new PolicyNetwork(weights, Activation(options), moments, memory);
        var exports = new PolicyExports(network, Head(options, environment.ActionSpace),
            environment.ActionSpace is Box ? "action" : "choice", size, agent.MemorySize);
        exports.Compare(agent, environment, moments);
        return exports;
    }

    /// <inheritdoc/>
    public IReadOnlyList<ExportedGraph> Graphs()
    {
        using var generator = new Generator(0);
        var observations = randn([2, _observations], generator: generator);
        if (_units == 0) return [new("", _network, x => [_act(_network.call(x[0]))], [observations], ["observation"], [_outputs])];
        return [new("", _network, x =>
            {
                var (outputs, after) = _network.Step(x[0], x[1]);
                return [_act(outputs), after];
            }, [observations, randn([2, _units], generator: generator).tanh()], ["observation", "memory"], [_outputs, "next_memory"])
        {
            Metadata = new Dictionary<string, string>
            {
                ["memory"] = string.Create(CultureInfo.InvariantCulture,
                    $"[batch, {_units}]: zeros at the first step of an episode, then next_memory of the step before"),
            },
        }];
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

    // The same actions as the agent's own, over some steps where it remembers.
    private void Compare<TAction>(IAgent<TAction> agent, IEnvironment<float, TAction> environment, (Tensor Mean, Tensor Deviation)? moments)
        where TAction : unmanaged
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var taken = new TAction[Checked * environment.ActionSpace.Size];
        var (remembered, memory) = (new float[Checked * _units], zeros(Checked, _units));
        for (var step = 0; step < (_units > 0 ? CheckedSteps : 1); step++)
        {
            var observations = randn([Checked, _observations], generator: generator);
            // The agent sees what the environment's wrapper made of an observation.
            var seen = moments is { } m ? (observations - m.Mean) / m.Deviation : observations;
            var rows = seen.contiguous().data<float>().ToArray();
            Tensor outputs;
            if (_units == 0)
            {
                agent.Act(rows, Checked, taken);
                outputs = _network.call(observations);
            }
            else
            {
                agent.Act(rows, Checked, taken, [], remembered);
                (outputs, memory) = _network.Step(observations, memory);
                Compare(remembered, memory, "remember");
            }
            Compare([.. taken.Select(a => Convert.ToDouble(a, CultureInfo.InvariantCulture))], _act(outputs), "act");
        }
    }

    private static void Compare(float[] own, Tensor found, string does) => Compare([.. own.Select(v => (double)v)], found, does);

    private static void Compare(double[] own, Tensor exported, string does)
    {
        var found = exported.to(ScalarType.Float64).flatten().data<double>().ToArray();
        for (var i = 0; i < own.Length; i++)
        {
            if (!(Math.Abs(own[i] - found[i]) <= 1e-3 * Math.Max(1, Math.Abs(own[i]))))
                throw new NotSupportedException(
                    string.Create(CultureInfo.InvariantCulture,
                        $"The exported policy would {does} otherwise than the agent ({found[i]} for {own[i]}); this kind of policy has no "
                            + $"rule."));
        }
    }
}

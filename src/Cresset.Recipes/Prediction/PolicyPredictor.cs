using Cresset.Data;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Answers with what an agent's best policy does at an observation (columns c0, c1 ...), without exploring.</summary>
internal sealed class PolicyPredictor<TAction> : Predictor
    where TAction : unmanaged
{
    private readonly IAgent<TAction> _agent;
    private readonly int _actionSize;

    // An agent acts in buffers of its own.
    private readonly Lock _acting = new();

    /// <summary>Takes the agent over.</summary>
    /// <exception cref="InvalidDataException">Observations alone do not say what the agent would do.</exception>
    public PolicyPredictor(IAgent<TAction> agent, IEnvironment<float, TAction> environment, string file)
        : base(FactsOf(agent, environment))
    {
        (_agent, _actionSize) = (agent, environment.ActionSpace.Size);
        if (ActionMasks.Of(environment) is not null) throw new InvalidDataException($"{file}: {environment.Name} allows other actions in each state, which an observation does not tell; 'cresset rl play' plays the policy.");
        var scaling = agent.Moments.Count;
        foreach (var layer in WrapperChain.Of(environment))
        {
            if (scaling == 0) break;
            if (layer is IMomentsWrapper { ScalesObservations: true }) scaling--;
            else if (layer is IWrapper && layer is not (IMomentsWrapper or TimeLimit<float, TAction> or RescaleAction<float> or ClipAction<float>
                or TransformReward<float, TAction> or ClipReward<float, TAction> or RecordEpisodeStatistics<float, TAction> or StickyAction<float, TAction>))
                throw new InvalidDataException($"{file}: {layer.GetType().Name.Split('`')[0]} changes observations after they are scaled, so a plain observation is no question for this policy; 'cresset rl play' plays it.");
        }
    }

    public override void Load(StoredModel stored)
    {
        using var policy = Snapshot.From(stored.Source);
        _agent.LoadPolicy(policy);
    }

    protected override IReadOnlyList<Prediction> Compute(Tensor inputs, IReadOnlyList<string> names)
    {
        var size = _agent.ObservationSize;
        var observations = inputs.cpu().contiguous().data<float>().ToArray();
        for (var row = 0; row < names.Count; row++) Scale(observations.AsSpan(row * size, size));
        var actions = new TAction[names.Count * _actionSize];
        lock (_acting) _agent.Act(observations, names.Count, actions);
        return [.. names.Select((name, row) => new Prediction(name) { Action = [.. actions.AsSpan(row * _actionSize, _actionSize).ToArray().Select(a => Convert.ToDouble(a, System.Globalization.CultureInfo.InvariantCulture))] })];
    }

    protected override void Free() => _agent.Dispose();

    // As NormalizeObservation does, the innermost first.
    private void Scale(Span<float> observation)
    {
        const float epsilon = 1e-8f;
        for (var layer = _agent.Moments.Count - 1; layer >= 0; layer--)
        {
            var moments = _agent.Moments[layer];
            for (var i = 0; i < observation.Length; i++) observation[i] = (observation[i] - (float)moments.Mean[i]) / MathF.Sqrt((float)moments.Variance[i] + epsilon);
        }
    }

    private static DataFacts FactsOf(IAgent<TAction> agent, IEnvironment<float, TAction> environment) => new()
    {
        Name = environment.Name,
        Shape = [agent.ObservationSize],
        Table = new TableFacts { Text = new CsvOptions(), Columns = [.. Enumerable.Range(0, agent.ObservationSize).Select(i => new TableColumn { Name = $"c{i}" })] },
    };
}

using Cresset.Data;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Answers with what an agent's best policy does at an observation (columns c0, c1 ...), without exploring. Where the environment forbids
/// actions by state the question says which are allowed there (columns allowed0, allowed1 ..., 1 or 0, in the order of the environment's
/// mask).
/// </summary>
internal sealed class PolicyPredictor<TAction> : Predictor
    where TAction : unmanaged
{
    private readonly IAgent<TAction> _agent;
    private readonly int _actionSize;
    private readonly Space<TAction> _actions;
    private readonly int _maskSize;

    // An agent acts in buffers of its own.
    private readonly Lock _acting = new();

    /// <summary>Takes the agent over.</summary>
    /// <exception cref="InvalidDataException">Observations alone do not say what the agent would do.</exception>
    public PolicyPredictor(IAgent<TAction> agent, IEnvironment<float, TAction> environment, string file)
        : base(FactsOf(agent, environment))
    {
        (_agent, _actionSize, _actions, _maskSize) = (agent, environment.ActionSpace.Size, environment.ActionSpace, MaskSize(environment));
        if (agent.MemorySize > 0)
            throw new InvalidDataException(
                $"{file}: the policy remembers what it saw before in an episode, and questions here stand alone: asked for single "
                    + "observations it would act as at the first step of an episode each time. 'cresset export' writes it as a step that "
                    + "takes and returns what it remembers; 'cresset rl play' plays it.");
        var scaling = agent.Moments.Count;
        foreach (var layer in WrapperChain.Of(environment))
        {
            if (scaling == 0) break;
            if (layer is IMomentsWrapper { ScalesObservations: true }) scaling--;
            else if (layer is IWrapper
                && layer is not (IMomentsWrapper or TimeLimit<float, TAction> or RescaleAction<float> or ClipAction<float>
                or TransformReward<float, TAction> or ClipReward<float, TAction> or RecordEpisodeStatistics<float, TAction>
                or StickyAction<float, TAction>))
                throw new InvalidDataException(
                    $"{file}: {layer.GetType().Name.Split('`')[0]} changes observations after they are scaled, so a plain observation is "
                        + $"no question for this policy; 'cresset rl play' plays it.");
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
        var values = inputs.cpu().contiguous().data<float>().ToArray();
        var observations = new float[names.Count * size];
        var masks = new bool[names.Count * _maskSize];
        for (var row = 0; row < names.Count; row++)
        {
            var given = values.AsSpan(row * (size + _maskSize), size + _maskSize);
            given[..size].CopyTo(observations.AsSpan(row * size, size));
            Scale(observations.AsSpan(row * size, size));
            ReadMask(given[size..], masks.AsSpan(row * _maskSize, _maskSize), names[row]);
        }
        var actions = new TAction[names.Count * _actionSize];
        lock (_acting) _agent.Act(observations, names.Count, actions, masks);
        return [
            .. names.Select(
                (name, row) =>
                    new Prediction(
                        name) { Action =
                            [.. actions.AsSpan(row * _actionSize, _actionSize).ToArray()
                                .Select(a => Convert.ToDouble(a, System.Globalization.CultureInfo.InvariantCulture))] })];
    }

    protected override void Free() => _agent.Dispose();

    // As NormalizeObservation does, the innermost first.
    private void Scale(Span<float> observation)
    {
        const float epsilon = 1e-8f;
        for (var layer = _agent.Moments.Count - 1; layer >= 0; layer--)
        {
            var moments = _agent.Moments[layer];
            for (var i = 0; i < observation.Length; i++)
                observation[i] = (observation[i] - (float)moments.Mean[i]) / MathF.Sqrt((float)moments.Variance[i] + epsilon);
        }
    }

    private void ReadMask(ReadOnlySpan<float> given, Span<bool> mask, string name)
    {
        for (var i = 0; i < given.Length; i++)
        {
            if (given[i] is not (0 or 1))
                throw new InvalidDataException(
                    $"{name}: '{Allowed(i)}' is {given[i].ToString(System.Globalization.CultureInfo.InvariantCulture)}; it is 1 where the "
                        + $"action is allowed and 0 where it is not.");
            mask[i] = given[i] == 1;
        }
        var start = 0;
        foreach (var count in _actions is MultiDiscrete several ? several.Counts : [mask.Length])
        {
            if (count > 0 && !mask.Slice(start, count).Contains(true))
                throw new InvalidDataException(
                    $"{name}: {Allowed(start)} to {Allowed(start + count - 1)} are all 0, so nothing is allowed to choose.");
            start += count;
        }
    }

    private static string Allowed(int entry) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"allowed{entry}");

    private static int MaskSize(IEnvironment<float, TAction> environment) =>
        ActionMasks.Of(environment) is null ? 0 : ActionMasks.SizeOf(environment.ActionSpace);

    private static DataFacts FactsOf(IAgent<TAction> agent, IEnvironment<float, TAction> environment) => new()
    {
        Name = environment.Name,
        Shape = [agent.ObservationSize + MaskSize(environment)],
        Table = new TableFacts
        {
            Text = new CsvOptions(),
            Columns =
            [
                .. Enumerable.Range(0, agent.ObservationSize).Select(i => new TableColumn { Name = $"c{i}" }),
                .. Enumerable.Range(0, MaskSize(environment)).Select(i => new TableColumn { Name = Allowed(i) }),
            ],
        },
    };
}

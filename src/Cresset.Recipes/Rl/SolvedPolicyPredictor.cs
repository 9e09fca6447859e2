using Cresset.Data;
using Cresset.Numerics;
using Cresset.Rl;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Answers with the action, and the value where there is one, that a table or tile coding holds for a state.</summary>
internal sealed class SolvedPolicyPredictor : Predictor
{
    private static readonly string[] Cards = ["player_sum", "dealer_card", "usable_ace"], Car = ["position", "velocity"];
    private readonly SolvedPolicy _policy;
    private readonly SparseControl? _tiles;
    private readonly int _firstState;
    private readonly int _firstAction;
    private readonly bool _isBlackjack;

    // Tiles get their indices in a table that grows when it is asked.
    private readonly Lock _asking = new();

    private SolvedPolicyPredictor(SolvedPolicy policy, string[] columns, bool isBlackjack, SparseControl? tiles, int firstState,
        int firstAction)
        : base(new DataFacts
        {
            Name = policy.Environment,
            Shape = [columns.Length],
            Table = new TableFacts { Text = new CsvOptions(), Columns = [.. columns.Select(c => new TableColumn { Name = c })] }
        })
        => (_policy, _isBlackjack, _tiles, _firstState, _firstAction) = (policy, isBlackjack, tiles, firstState, firstAction);

    /// <summary>Opens the policy.json of a run.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or does not fit its environment.</exception>
    public static SolvedPolicyPredictor Open(string file, PartCatalog parts)
    {
        var policy = SolvedPolicy.LoadFile(file);
        if (policy.Weights.Length > 0) return new SolvedPolicyPredictor(policy, Car, false, MountainCarTiles.Stored(policy.Weights), 0, 0);
        var world = World(policy, parts, file);
        var environment = world.Create<int, int>();
        environment.End();
        if (environment.Unwrapped is Blackjack)
        {
            return policy.Actions.Length > BlackjackModel.FinalState
                ? new SolvedPolicyPredictor(policy, Cards, true, null, 0, 0)
                : throw new InvalidDataException(
                    $"{file}: the policy has {policy.Actions.Length} actions; {world.Name} has {BlackjackModel.FinalState + 1} states.");
        }
        if (environment.StateCount() != policy.Actions.Length)
            throw new InvalidDataException(
                $"{file}: the policy has {policy.Actions.Length} actions; {world.Name} has {environment.StateCount()} states.");
        return new SolvedPolicyPredictor(policy, ["state"], false, null, environment.ObservationSpace is Discrete states ? states.Start : 0,
            environment.ActionSpace is Discrete actions ? actions.Start : 0);
    }

    private static EnvironmentSource World(SolvedPolicy policy, PartCatalog parts, string file)
    {
        try
        {
            return policy.FindWorld(parts);
        }
        catch (Exception e) when (e is ArgumentException or ConfigException)
        {
            throw new InvalidDataException($"{file}: {e.Message}", e);
        }
    }

    public override void Load(StoredModel stored) => throw new NotSupportedException("A policy of a table has no file of weights.");

    protected override IReadOnlyList<Prediction> Compute(Tensor inputs, IReadOnlyList<string> names)
    {
        var values = inputs.cpu().contiguous().data<float>().ToArray();
        var width = values.Length / Math.Max(1, names.Count);
        return [.. names.Select((name, i) => Of(name, values[(i * width)..((i + 1) * width)]))];
    }

    protected override void Free()
    {
    }

    private Prediction Of(string name, float[] observation)
    {
        if (_tiles is not null)
        {
            lock (_asking) return new Prediction(name) { Action = [_tiles.GreedyAction(observation)] };
        }
        foreach (var value in observation)
        {
            if (value != MathF.Floor(value))
                throw new InvalidDataException($"{name}: {value} is not a whole number; states of {_policy.Environment} are.");
        }
        var state = _isBlackjack ? Hand(name, observation) : (int)observation[0] - _firstState;
        if ((uint)state >= (uint)_policy.Actions.Length)
            throw new InvalidDataException(
                $"{name}: {_policy.Environment} has no state {observation[0]}; its states are {_firstState} to "
                    + $"{_firstState + _policy.Actions.Length - 1}.");
        var action = _policy.Actions[state];
        return new Prediction(name)
        {
            Action = action < 0 ? [] : [_firstAction + action],
            Value = _policy.Values.Length == _policy.Actions.Length && double.IsFinite(_policy.Values[state]) ? _policy.Values[state]
                : null,
        };
    }

    private static int Hand(string name, float[] cards)
        => cards[0] is >= 4 and <= 21 && cards[1] is >= 1 and <= 10 && cards[2] is 0 or 1
            ? BlackjackModel.State((int)cards[0], (int)cards[1], cards[2] == 1)
            : throw new InvalidDataException(
                $"{name}: no hand of blackjack: player_sum is 4 to 21, dealer_card 1 to 10, usable_ace 0 or 1.");
}

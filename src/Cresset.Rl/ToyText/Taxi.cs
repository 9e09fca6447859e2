using System.Runtime.CompilerServices;
using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Choices for <see cref="Taxi"/>.</summary>
public sealed record TaxiOptions : IOptionsRecord
{
    /// <summary>Rain: moves drift to either side.</summary>
    public bool IsRainy { get; init; }

    /// <summary>Probability of the intended direction in the rain.</summary>
    public double RainyProbability { get; init; } = 0.8;

    /// <summary>Whether the passenger may change the destination after the first move of a ride.</summary>
    public bool FicklePassenger { get; init; }

    /// <summary>Probability of such a change.</summary>
    public double FickleProbability { get; init; } = 0.3;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(RainyProbability, 0, 1)
        .Within(FickleProbability, 0, 1);
}

/// <summary>
/// Pick up a passenger at one of four places and bring them to another (Dietterich 2000): -1 a step, +20 for a delivery, -10 for a wrong
/// pick-up or drop. Actions: 0 south, 1 north, 2 east, 3 west, 4 pick up, 5 drop. 500 states: ((row * 5 + column) * 5 + passenger) * 4 +
/// destination. The same table, draws and action masks as Gymnasium's <c>Taxi-v4</c>.
/// </summary>
public sealed class Taxi : TableEnvironment, IRenderable
{
    private readonly TaxiOptions _options;
    private bool _isFickle;

    /// <summary>Makes the environment.</summary>
    public Taxi(TaxiOptions? options = null)
        : base(TaxiTable.Build((options ??= new()).ThrowIfInvalid()), options.FicklePassenger)
        => _options = options;

    /// <inheritdoc/>
    public int FramesPerSecond => 4;

    /// <summary>Row, column, passenger (0 to 3: waiting place, 4: in the taxi) and destination of a state.</summary>
    public static (int Row, int Column, int Passenger, int Destination) Decode(int state) =>
        (state / 100, state / 20 % 5, state / 4 % 5, state % 4);

    /// <summary>The number of a state.</summary>
    public static int Encode(int row, int column, int passenger, int destination) =>
        (((((row * 5) + column) * 5) + passenger) * 4) + destination;

    /// <summary>True for the actions that change the state.</summary>
    public override void WriteActionMask(Span<bool> mask) => TaxiTable.WriteMask(State, mask);

    /// <inheritdoc/>
    public RgbImage Render() => TaxiTable.Render(State);

    /// <inheritdoc/>
    public string RenderText() => TaxiTable.Text(State, LastAction);

    /// <inheritdoc/>
    protected override void Begin()
    {
        base.Begin();
        _isFickle = _options.FicklePassenger && Random.NextDouble() < _options.FickleProbability;
    }

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        var before = State;
        var outcome = base.Advance(action);
        if (_isFickle) ChangeMind(before);
        return outcome;
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        base.SaveState(writer);
        writer.Write(_isFickle);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        base.LoadState(reader);
        _isFickle = reader.ReadBoolean();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ChangeMind(int before)
    {
        var (oldRow, oldColumn, oldPassenger, oldDestination) = Decode(before);
        var (row, column, passenger, _) = Decode(State);
        if (oldPassenger != 4 || (row == oldRow && column == oldColumn)) return;
        _isFickle = false;
        var pick = Random.NextInt32(3);
        MoveTo(Encode(row, column, passenger, pick < oldDestination ? pick : pick + 1));
    }
}

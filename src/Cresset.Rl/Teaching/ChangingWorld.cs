namespace Cresset.Rl;

/// <summary>A table environment that becomes another one after a number of steps, such as the blocking and the shortcut maze.</summary>
public sealed class ChangingWorld : Environment<int, int>
{
    private readonly TableEnvironment[] _worlds;
    private readonly long _changeAfter;
    private long _steps;
    private int _state;

    /// <summary>Acts like <paramref name="before"/> for <paramref name="changeAfter"/> steps, then like <paramref name="after"/>.</summary>
    /// <exception cref="ArgumentException">The two have different numbers of states or actions.</exception>
    public ChangingWorld(TableEnvironment before, TableEnvironment after, long changeAfter)
        : base(before.ObservationSpace, before.ActionSpace)
    {
        if (before.Model.StateCount != after.Model.StateCount || before.Model.ActionCount != after.Model.ActionCount)
            throw new ArgumentException("Both worlds need the same numbers of states and actions.", nameof(after));
        ArgumentOutOfRangeException.ThrowIfNegative(changeAfter);
        _worlds = [before, after];
        _changeAfter = changeAfter;
    }

    /// <summary>The world of example 8.2: the wall moves after 1000 steps.</summary>
    public static ChangingWorld BlockingMaze() => new(Maze.BlockingBefore(), Maze.BlockingAfter(), 1000);

    /// <summary>The world of example 8.3: a shortcut opens after 3000 steps.</summary>
    public static ChangingWorld ShortcutMaze() => new(Maze.ShortcutBefore(), Maze.ShortcutAfter(), 3000);

    /// <summary>Steps since the world was made.</summary>
    public long Steps => _steps;

    /// <summary>The world that acts now.</summary>
    public TableEnvironment Current => _worlds[_steps < _changeAfter ? 0 : 1];

    /// <inheritdoc/>
    protected override void Begin() => _state = Current.ResetState(Random.NextUInt64());

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        var world = Current;
        world.State = _state;
        _steps++;
        return world.Step(action[0], out _state);
    }

    /// <inheritdoc/>
    protected override void Observe(Span<int> observation) => observation[0] = _state;

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_steps);
        writer.Write(_state);
        foreach (var world in _worlds) world.Save(writer);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        _steps = reader.ReadInt64();
        _state = reader.ReadInt32();
        foreach (var world in _worlds) world.Load(reader);
    }
}

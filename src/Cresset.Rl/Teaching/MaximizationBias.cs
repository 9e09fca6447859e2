namespace Cresset.Rl;

/// <summary>
/// Two states where greedy estimates fool the learner (Sutton and Barto, example 6.7). In A (state 0) action 0 goes right and ends with 0,
/// action 1 goes left to B; in B (state 1) every one of ten actions ends with a reward drawn from N(-0.1, 1).
/// </summary>
public sealed class MaximizationBias : Environment<int, int>, IActionMask
{
    private int _state;

    /// <summary>Makes the environment.</summary>
    public MaximizationBias()
        : base(new Discrete(2), new Discrete(10))
    {
    }

    /// <inheritdoc/>
    public void WriteActionMask(Span<bool> mask)
    {
        for (var a = 0; a < mask.Length; a++) mask[a] = _state == 1 || a < 2;
    }

    /// <inheritdoc/>
    protected override void Begin() => _state = 0;

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        if (_state == 1) return new StepOutcome(Random.NextNormal(-0.1, 1), true);
        if (action[0] == 0) return new StepOutcome(0, true);
        _state = 1;
        return new StepOutcome(0, false);
    }

    /// <inheritdoc/>
    protected override void Observe(Span<int> observation) => observation[0] = _state;

    /// <inheritdoc/>
    protected override bool IsValid(ReadOnlySpan<int> action) => action.Length == 1 && (uint)action[0] < (_state == 1 ? 10u : 2u);

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer) => writer.Write(_state);

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) => _state = reader.ReadInt32();
}

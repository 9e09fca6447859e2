using System.Runtime.CompilerServices;

namespace Cresset.Rl;

/// <summary>
/// An environment that samples a <see cref="TransitionTable"/>: the observation is the state number. The known model is at hand as
/// <see cref="Model"/> for planning.
/// </summary>
public class TableEnvironment : Environment<int, int>, IActionMask
{
    private readonly TableSampler _sampler;
    private readonly int _actions;
    private readonly bool _isPlain;
    private readonly bool _hasGaps;
    private int _state;
    private int _outcome = -1;

    /// <summary>An environment of <paramref name="model"/>, which must have start probabilities.</summary>
    public TableEnvironment(TransitionTable model)
        : this(model, hasOtherRules: false)
    {
    }

    /// <summary>For environments that change the state beside their table (by overriding <see cref="Advance"/>).</summary>
    protected TableEnvironment(TransitionTable model, bool hasOtherRules)
        : base(new Discrete(model.StateCount), new Discrete(model.ActionCount))
    {
        Model = model;
        _isPlain = !hasOtherRules
            && Enumerable.Range(0, model.StateCount * model.ActionCount).All(i => model.Offsets[i + 1] > model.Offsets[i]);
        _hasGaps = Enumerable.Range(0, model.StateCount)
            .Any(s => !model.IsAbsorbing(s) && Enumerable.Range(0, model.ActionCount).Any(a => !model.IsAvailable(s, a)));
        _sampler = new TableSampler(model);
        _actions = model.ActionCount;
    }

    /// <summary>The known transition probabilities and rewards.</summary>
    public TransitionTable Model { get; }

    /// <summary>The current state; setting it starts an episode from there.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such state.</exception>
    public int State
    {
        get => _state;
        set
        {
            if ((uint)value >= (uint)Model.StateCount)
                throw new ArgumentOutOfRangeException(nameof(value), value, $"State {value} is outside [0, {Model.StateCount - 1}].");
            (_state, IsRunning) = (value, true);
        }
    }

    /// <summary>The action taken last in this episode, or -1.</summary>
    public int LastAction { get; private set; } = -1;

    /// <summary>Probability of the outcome that happened last; 1 after a reset.</summary>
    public double LastProbability => _outcome < 0 ? 1 : _sampler.Probability(_outcome);

    /// <summary>Whether some state lacks an action.</summary>
    public bool HasActionMask => _hasGaps;

    /// <inheritdoc/>
    public virtual void WriteActionMask(Span<bool> mask)
    {
        for (var a = 0; a < _actions; a++) mask[a] = Model.IsAvailable(_state, a);
    }

    /// <summary>Starts an episode and returns its first state.</summary>
    /// <param name="seed">Restarts the random stream.</param>
    public int ResetState(ulong? seed = null)
    {
        if (_isPlain && seed is null)
        {
            _outcome = LastAction = -1;
            IsRunning = true;
            return _state = _sampler.Start(Random);
        }
        var state = 0;
        Reset(new Span<int>(ref state), seed);
        return state;
    }

    /// <summary>The fastest way to step: no spans, no virtual calls. Same draws, checks and results as <c>Step</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public StepOutcome StepState(int action, out int state)
    {
        if (!_isPlain) return this.Step(action, out state);
        if (!IsRunning) ThrowNotRunning();
        if ((uint)action >= (uint)_actions) ThrowOutside(action);
        var outcome = _sampler.Next((_state * _actions) + action, Random, out state, out _outcome);
        _state = state;
        LastAction = action;
        IsRunning = !outcome.Terminated;
        return outcome;
    }

    /// <inheritdoc/>
    protected override void Begin()
    {
        _state = _sampler.Start(Random);
        _outcome = -1;
        LastAction = -1;
    }

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        var outcome = _sampler.Next((_state * _actions) + action[0], Random, out _state, out _outcome);
        LastAction = action[0];
        return outcome;
    }

    /// <summary>Replaces the state after a step, for environments with rules beside their table.</summary>
    protected void MoveTo(int state) => _state = state;

    /// <inheritdoc/>
    protected override void Observe(Span<int> observation) => observation[0] = _state;

    /// <inheritdoc/>
    protected override bool IsValid(ReadOnlySpan<int> action)
        => action.Length == 1 && (uint)action[0] < (uint)_actions && Model.IsAvailable(_state, action[0]);

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_state);
        writer.Write(_outcome);
        writer.Write(LastAction);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) =>
        (_state, _outcome, LastAction) = (reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32());

    private void ThrowOutside(int action) =>
        throw new ArgumentException($"{Name}: action {action} lies outside {ActionSpace}.", nameof(action));
}

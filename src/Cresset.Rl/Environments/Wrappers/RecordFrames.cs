namespace Cresset.Rl;

/// <summary>Keeps the pictures of some episodes and hands each finished film over.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class RecordFrames<TObservation, TAction> : Wrapper<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly Action<long, IReadOnlyList<RgbImage>> _onFilm;
    private readonly Func<long, bool> _trigger;
    private readonly int _maxFrames;
    private readonly IRenderable _view;
    private List<RgbImage>? _frames;

    /// <summary>Films <paramref name="inner"/>.</summary>
    /// <param name="inner">An environment with pictures.</param>
    /// <param name="onFilm">Receives the number of the episode (from 0) and its pictures when it has ended, was reset or is full.</param>
    /// <param name="trigger">Which episodes are filmed; 0, 1, 8, 27, ... up to 1000 and then every thousandth when left out.</param>
    /// <param name="maxFrames">Most pictures of a film.</param>
    /// <exception cref="NotSupportedException">The environment has no pictures.</exception>
    public RecordFrames(IEnvironment<TObservation, TAction> inner, Action<long, IReadOnlyList<RgbImage>> onFilm,
        Func<long, bool>? trigger = null, int maxFrames = int.MaxValue)
        : base(inner)
    {
        ArgumentNullException.ThrowIfNull(onFilm);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxFrames);
        _view = inner.Unwrapped as IRenderable ?? throw new NotSupportedException($"{inner.Name} has no picture.");
        (_onFilm, _trigger, _maxFrames) = (onFilm, trigger ?? IsCubeOrThousandth, maxFrames);
    }

    /// <summary>Number of the running episode, from 0; -1 before the first.</summary>
    public long Episode { get; private set; } = -1;

    /// <summary>The usual choice: cubes of whole numbers below 1000, then every thousandth.</summary>
    public static bool IsCubeOrThousandth(long episode)
    {
        if (episode >= 1000) return episode % 1000 == 0;
        var root = (long)Math.Round(Math.Cbrt(episode));
        return root * root * root == episode;
    }

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        Finish();
        Inner.Reset(observation, seed);
        Episode++;
        if (_trigger(Episode)) _frames = [_view.Render()];
        if (_frames?.Count == _maxFrames) Finish();
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var outcome = Inner.Step(action, observation);
        _frames?.Add(_view.Render());
        if (outcome.Ended || _frames?.Count == _maxFrames) Finish();
        return outcome;
    }

    /// <summary>The number of the episode; a film under way is not kept.</summary>
    protected override void SaveState(BinaryWriter writer) => writer.Write(Episode);

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        Episode = reader.ReadInt64();
        _frames = null;
    }

    private void Finish()
    {
        if (_frames is not { } film) return;
        _frames = null;
        _onFilm(Episode, film);
    }
}

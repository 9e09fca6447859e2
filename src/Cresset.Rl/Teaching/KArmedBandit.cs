namespace Cresset.Rl;

/// <summary>
/// Arms whose mean rewards are drawn from N(0, 1) (plus an offset) and whose rewards are drawn from N(mean, 1): Sutton and Barto's testbed
/// of chapter 2. A single state that never ends; every reset draws new arms.
/// </summary>
public sealed class KArmedBandit : Environment<int, int>
{
    private readonly double[] _means;
    private readonly double _offset;

    /// <summary>A bandit with <paramref name="arms"/> arms.</summary>
    public KArmedBandit(int arms = 10, double meanOffset = 0)
        : base(new Discrete(1), new Discrete(arms))
        => (_means, _offset) = (new double[arms], meanOffset);

    /// <summary>The true mean of each arm.</summary>
    public ReadOnlySpan<double> Means => _means;

    /// <summary>The arm with the largest mean.</summary>
    public int BestArm => Greedy.FirstMax(_means);

    /// <inheritdoc/>
    protected override void Begin()
    {
        foreach (ref var mean in _means.AsSpan()) mean = Random.NextNormal(_offset, 1);
    }

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action) => new(Random.NextNormal(_means[action[0]], 1), false);

    /// <inheritdoc/>
    protected override void Observe(Span<int> observation) => observation[0] = 0;

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        foreach (var mean in _means) writer.Write(mean);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        foreach (ref var mean in _means.AsSpan()) mean = reader.ReadDouble();
    }
}

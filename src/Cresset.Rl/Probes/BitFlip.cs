using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Bits that are to be flipped one at a time until they are as wanted (Andrychowicz et al. 2017, section 3.1): -1 a step, 0 where they are.
/// Beyond a dozen bits chance never gets there, and only hindsight teaches. Observations: the bits, then the wanted ones. Actions: the bit
/// to flip.
/// </summary>
/// <param name="bits">How many.</param>
public sealed class BitFlip(int bits = 10) : Environment<float, int>(new Box(0, 1, 2 * bits), new Discrete(bits)), IGoalEnvironment
{
    private readonly float[] _bits = new float[bits];
    private readonly float[] _wanted = new float[bits];

    /// <inheritdoc/>
    public override int? MaxEpisodeSteps => bits;

    /// <inheritdoc/>
    public override ReturnRange ReturnRange => new(-bits, 0);

    /// <inheritdoc/>
    public GoalPlaces GoalPlaces => new(0, bits, bits);

    /// <inheritdoc/>
    public StepOutcome Judge(ReadOnlySpan<float> achieved, ReadOnlySpan<float> wanted)
    {
        var isThere = achieved.SequenceEqual(wanted);
        return new StepOutcome(isThere ? 0 : -1, isThere);
    }

    /// <inheritdoc/>
    protected override void Begin()
    {
        do
        {
            for (var i = 0; i < bits; i++) (_bits[i], _wanted[i]) = (Random.NextInt32(2), Random.NextInt32(2));
        }
        while (_bits.AsSpan().SequenceEqual(_wanted));
    }

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        _bits[action[0]] = 1 - _bits[action[0]];
        return Judge(_bits, _wanted);
    }

    /// <inheritdoc/>
    protected override void Observe(Span<float> observation)
    {
        _bits.CopyTo(observation);
        _wanted.CopyTo(observation[bits..]);
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (var bit in _bits) writer.Write(bit);
        foreach (var bit in _wanted) writer.Write(bit);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        foreach (ref var bit in _bits.AsSpan()) bit = reader.ReadSingle();
        foreach (ref var bit in _wanted.AsSpan()) bit = reader.ReadSingle();
    }
}

/// <summary>Bits to be flipped until they are as wanted: a world with goals, for hindsight.</summary>
[Part("bitflip", "Andrychowicz et al. 2017")]
public sealed record BitFlipSource : EnvironmentSource
{
    /// <summary>How many bits.</summary>
    public int Bits { get; init; } = 10;

    /// <inheritdoc/>
    public override string Name => "BitFlip";

    /// <inheritdoc/>
    public override string Group => "memory, pictures, goals";

    /// <inheritdoc/>
    public override IEnvironment Make() => new BitFlip(Bits);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Within(Bits, 1, 1000)];
}

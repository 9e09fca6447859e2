using System.Runtime.CompilerServices;

namespace Cresset.Numerics;

/// <summary>
/// A stream of random numbers, draw for draw NumPy's <c>Generator(PCG64(SeedSequence(seed)))</c>:
/// doubles, bounded integers by Lemire's method, ziggurat normals and exponentials, permutations and choices.
/// Not safe for use by several threads at once: give each its own child (<see cref="Spawn"/>).
/// </summary>
public sealed partial class RandomStream
{
    private const double DoubleUnit = 1.0 / 9007199254740992.0;
    private const float SingleUnit = 1.0f / 16777216.0f;

    private readonly SeedSequence? _seeds;
    private Pcg64 _bits;
    private uint _spareHalf;
    private bool _hasSpareHalf;

    /// <summary>The stream of <paramref name="seed"/>.</summary>
    public RandomStream(ulong seed)
        : this(new SeedSequence(seed))
    {
    }

    /// <summary>The stream of <paramref name="seeds"/>.</summary>
    public RandomStream(SeedSequence seeds)
    {
        _seeds = seeds;
        _bits = new Pcg64(seeds);
    }

    /// <summary>A stream that continues where <paramref name="state"/> was taken; it cannot be spawned from.</summary>
    public RandomStream(RandomStreamState state) => State = state;

    /// <summary>Everything that decides the draws to come; setting it rewinds or continues a stream exactly.</summary>
    public RandomStreamState State
    {
        get => new(_bits.State, _bits.Increment, _hasSpareHalf, _spareHalf);
        set
        {
            _bits = new Pcg64(value.State, value.Increment);
            _hasSpareHalf = value.HasSpareHalf;
            _spareHalf = value.SpareHalf;
        }
    }

    /// <summary>A stream with a seed from the operating system.</summary>
    public static RandomStream FromSystem() => new(SeedSequence.FromSystem());

    /// <summary>The next <paramref name="count"/> child streams, independent of this one (<c>Generator.spawn</c>).</summary>
    /// <exception cref="InvalidOperationException">The stream was restored from a state and has no seed sequence.</exception>
    public RandomStream[] Spawn(int count)
    {
        if (_seeds is null)
            throw new InvalidOperationException(
                "A stream restored from a state has no seed sequence to spawn from: spawn from the original, or make a new SeedSequence.");
        return Array.ConvertAll(_seeds.Spawn(count), seeds => new RandomStream(seeds));
    }

    /// <summary>64 uniform bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong NextUInt64() => _bits.Next();

    /// <summary>Discards one 64-bit draw, and so one double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Skip() => _bits.Skip();

    /// <summary>32 uniform bits: each 64-bit draw is used twice, low half first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint NextUInt32()
    {
        if (_hasSpareHalf)
        {
            _hasSpareHalf = false;
            return _spareHalf;
        }
        var bits = _bits.Next();
        _spareHalf = (uint)(bits >> 32);
        _hasSpareHalf = true;
        return (uint)bits;
    }

    /// <summary>A double in [0, 1) with 53 random bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public double NextDouble() => (_bits.Next() >> 11) * DoubleUnit;

    /// <summary>A float in [0, 1) with 24 random bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float NextSingle() => (NextUInt32() >> 8) * SingleUnit;

    /// <summary>A double in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public double Uniform(double low, double high) => low + ((high - low) * NextDouble());

    /// <summary>Fills <paramref name="values"/> with doubles in [0, 1).</summary>
    public void Fill(Span<double> values)
    {
        foreach (ref var value in values) value = NextDouble();
    }

    /// <summary>Fills <paramref name="values"/> with doubles in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public void FillUniform(Span<double> values, double low, double high)
    {
        foreach (ref var value in values) value = Uniform(low, high);
    }

    /// <summary>
    /// An integer in [0, <paramref name="highExclusive"/>) without bias (Lemire 2019); nothing is drawn when only 0 is possible.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="highExclusive"/> is not positive.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int NextInt32(int highExclusive)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(highExclusive);
        return highExclusive == 1 ? 0 : (int)Bounded32((uint)highExclusive - 1);
    }

    /// <summary>
    /// An integer in [<paramref name="low"/>, <paramref name="highExclusive"/>) (<c>Generator.integers</c> with 64-bit integers).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty.</exception>
    public long NextInt64(long low, long highExclusive)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(low, highExclusive);
        return low + (long)Bounded((ulong)highExclusive - (ulong)low - 1);
    }

    /// <summary>
    /// Fills <paramref name="values"/> with 8-bit integers in [0, <paramref name="highExclusive"/>), four to a 32-bit draw (<c>integers</c>
    /// with dtype int8).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="highExclusive"/> is not in [1, 128].</exception>
    public void FillInt8(Span<sbyte> values, int highExclusive)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(highExclusive, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(highExclusive, 128);
        values.Clear();
        if (highExclusive == 1) return;
        uint buffer = 0;
        var left = 0;
        var threshold = (byte)((256 - highExclusive) % highExclusive);
        foreach (ref var value in values)
        {
            uint product;
            do
            {
                if (left == 0)
                {
                    buffer = NextUInt32();
                    left = 4;
                }
                product = (uint)(byte)buffer * (uint)highExclusive;
                buffer >>= 8;
                left--;
            }
            while ((byte)product < threshold);
            value = (sbyte)(product >> 8);
        }
    }

    /// <summary>A draw in [0, <paramref name="max"/>], any 64-bit bound.</summary>
    internal ulong Bounded(ulong max)
    {
        if (max == 0) return 0;
        if (max < uint.MaxValue) return Bounded32((uint)max);
        if (max == uint.MaxValue) return NextUInt32();
        if (max == ulong.MaxValue) return _bits.Next();
        var count = max + 1;
        var high = Math.BigMul(_bits.Next(), count, out var low);
        if (low < count)
        {
            var threshold = (ulong.MaxValue - max) % count;
            while (low < threshold) high = Math.BigMul(_bits.Next(), count, out low);
        }
        return high;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Bounded32(uint max)
    {
        var count = max + 1;
        var product = (ulong)NextUInt32() * count;
        return (uint)product < count ? Rejected(product, max) : (uint)(product >> 32);
    }

    private uint Rejected(ulong product, uint max)
    {
        var count = max + 1;
        var threshold = (uint.MaxValue - max) % count;
        while ((uint)product < threshold) product = (ulong)NextUInt32() * count;
        return (uint)(product >> 32);
    }
}

/// <summary>Everything that decides the draws of a <see cref="RandomStream"/>: enough for an exact resume.</summary>
/// <param name="State">Position of the bit generator.</param>
/// <param name="Increment">Stream of the bit generator.</param>
/// <param name="HasSpareHalf">Whether half of the last 64-bit draw waits to be used.</param>
/// <param name="SpareHalf">That half.</param>
public readonly record struct RandomStreamState(UInt128 State, UInt128 Increment, bool HasSpareHalf, uint SpareHalf);

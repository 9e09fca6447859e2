using System.Runtime.CompilerServices;

namespace Cresset.Numerics;

/// <summary>
/// The smallest splittable stream (Steele, Lea and Flood 2014): eight bytes of state and a gamma. For parallel work give item
/// <c>i</c> the stream <see cref="ForIndex"/>: results then do not depend on how the items are shared among threads.
/// A mutable value: pass it by reference.
/// </summary>
public struct SplitMix64
{
    private const ulong GoldenGamma = 0x9e3779b97f4a7c15;

    private ulong _state;
    private readonly ulong _gamma;

    /// <summary>The stream of <paramref name="seed"/>.</summary>
    public SplitMix64(ulong seed)
        : this(seed, GoldenGamma)
    {
    }

    private SplitMix64(ulong state, ulong gamma)
    {
        _state = state;
        _gamma = gamma;
    }

    /// <summary>The stream of item <paramref name="index"/> under <paramref name="seed"/>.</summary>
    public static SplitMix64 ForIndex(ulong seed, ulong index) => new(Finish(Finish(seed + GoldenGamma) + ((index + 1) * GoldenGamma)));

    /// <summary>A new stream, statistically independent of what follows in this one.</summary>
    public SplitMix64 Split() => new(Next(), MixGamma(Advance()));

    /// <summary>64 uniform bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Next() => Finish(Advance());

    /// <summary>A double in [0, 1) with 53 random bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public double NextDouble() => (Next() >> 11) * (1.0 / 9007199254740992.0);

    /// <summary>A float in [0, 1) with 24 random bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float NextSingle() => (Next() >> 40) * (1.0f / 16777216.0f);

    /// <summary>An integer in [0, <paramref name="highExclusive"/>); the bias is below 2^-32 of the bound.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int NextInt32(int highExclusive) => (int)Math.BigMul(Next(), (ulong)highExclusive, out _);

    /// <summary>A standard normal number (Box and Muller 1958, one of the pair).</summary>
    public double NextNormal()
    {
        var radius = Math.Sqrt(-2 * Math.Log(1 - NextDouble()));
        return radius * Math.Cos(2 * Math.PI * NextDouble());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Advance() => _state += _gamma;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Finish(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    // Gammas must be odd and should have enough bit changes to be a good Weyl step.
    private static ulong MixGamma(ulong z)
    {
        z = (z ^ (z >> 33)) * 0xff51afd7ed558ccd;
        z = (z ^ (z >> 33)) * 0xc4ceb9fe1a85ec53;
        z = (z ^ (z >> 33)) | 1;
        return System.Numerics.BitOperations.PopCount(z ^ (z >> 1)) < 24 ? z ^ 0xaaaaaaaaaaaaaaaa : z;
    }
}

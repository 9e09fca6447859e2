using System.Numerics;
using System.Runtime.CompilerServices;

namespace Cresset.Numerics;

/// <summary>
/// The PCG XSL RR 128/64 bit generator (O'Neill 2014), seeded and stepped like NumPy's <c>PCG64</c>.
/// A mutable value: pass it by reference.
/// </summary>
public struct Pcg64 : IEquatable<Pcg64>
{
    private const ulong MultiplierHigh = 2549297995355413924UL;
    private const ulong MultiplierLow = 4865540595714422341UL;

    private ulong _high;
    private ulong _low;
    private readonly ulong _incrementHigh;
    private readonly ulong _incrementLow;

    /// <summary>A generator at the start of the stream of <paramref name="seed"/>.</summary>
    public Pcg64(ulong seed)
        : this(new SeedSequence(seed))
    {
    }

    /// <summary>A generator at the start of the stream of <paramref name="seeds"/>.</summary>
    public Pcg64(SeedSequence seeds)
    {
        ArgumentNullException.ThrowIfNull(seeds);
        Span<ulong> words = stackalloc ulong[4];
        seeds.Generate(words);
        var increment = (new UInt128(words[2], words[3]) << 1) | 1;
        _incrementHigh = (ulong)(increment >> 64);
        _incrementLow = (ulong)increment;
        Step();
        var state = new UInt128(_high, _low) + new UInt128(words[0], words[1]);
        _high = (ulong)(state >> 64);
        _low = (ulong)state;
        Step();
    }

    /// <summary>A generator with a state saved before.</summary>
    public Pcg64(UInt128 state, UInt128 increment)
    {
        _high = (ulong)(state >> 64);
        _low = (ulong)state;
        _incrementHigh = (ulong)(increment >> 64);
        _incrementLow = (ulong)increment | 1;
    }

    /// <summary>The position in the stream.</summary>
    public readonly UInt128 State => new(_high, _low);

    /// <summary>Which of the streams; always odd.</summary>
    public readonly UInt128 Increment => new(_incrementHigh, _incrementLow);

    /// <summary>The next 64 uniform bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Next()
    {
        Step();
        return BitOperations.RotateRight(_high ^ _low, (int)(_high >> 58));
    }

    /// <summary>Discards one draw; cheaper than <see cref="Next"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Skip() => Step();

    /// <summary>Moves <paramref name="count"/> draws ahead in logarithmic time (Brown 1994).</summary>
    public void Advance(UInt128 count)
    {
        UInt128 multiplier = new(MultiplierHigh, MultiplierLow);
        var increment = Increment;
        UInt128 totalMultiplier = 1;
        UInt128 totalIncrement = 0;
        while (count != 0)
        {
            if ((count & 1) != 0)
            {
                totalMultiplier *= multiplier;
                totalIncrement = (totalIncrement * multiplier) + increment;
            }
            increment = (multiplier + 1) * increment;
            multiplier *= multiplier;
            count >>= 1;
        }
        this = new Pcg64((State * totalMultiplier) + totalIncrement, Increment);
    }

    /// <inheritdoc/>
    public readonly bool Equals(Pcg64 other) => State == other.State && Increment == other.Increment;

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is Pcg64 other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode() => HashCode.Combine(State, Increment);

    /// <summary>Whether both are at the same place of the same stream.</summary>
    public static bool operator ==(Pcg64 left, Pcg64 right) => left.Equals(right);

    /// <summary>Whether the two differ in place or stream.</summary>
    public static bool operator !=(Pcg64 left, Pcg64 right) => !left.Equals(right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Step()
    {
        // 128-bit state * multiplier + increment in 64-bit halves; UInt128's operators do not inline as well.
        var high = Math.BigMul(_low, MultiplierLow, out var low) + (_high * MultiplierLow) + (_low * MultiplierHigh);
        _low = low + _incrementLow;
        _high = high + _incrementHigh + (_low < low ? 1UL : 0UL);
    }
}

using System.Security.Cryptography;

namespace Cresset.Numerics;

/// <summary>
/// Turns a seed of any size into well-mixed words for a bit generator, and into independent child sequences.
/// Word for word NumPy's <c>SeedSequence</c> (M. E. O'Neill's <c>seed_seq</c> alternative with a pool of four words), so that the same seed
/// gives the same stream here and there.
/// </summary>
public sealed class SeedSequence
{
    private const int PoolSize = 4;
    private const uint InitA = 0x43b0d7e5;
    private const uint MultiplyA = 0x931e8875;
    private const uint InitB = 0x8b51f9dd;
    private const uint MultiplyB = 0x58f38ded;
    private const uint MixLeft = 0xca01f9dd;
    private const uint MixRight = 0x4973f715;

    private readonly uint[] _pool = new uint[PoolSize];
    private readonly uint[] _entropy;
    private readonly uint[] _spawnKey;
    private uint _spawned;

    /// <summary>A sequence of the seed <paramref name="entropy"/>.</summary>
    public SeedSequence(ulong entropy)
        : this(WordsOf(entropy), [])
    {
    }

    /// <summary>A sequence of a seed of up to 128 bits.</summary>
    public SeedSequence(UInt128 entropy)
        : this(WordsOf(entropy), [])
    {
    }

    /// <summary>A sequence of any number of 32-bit words, least significant first, and the path of children that led to it.</summary>
    public SeedSequence(ReadOnlySpan<uint> entropy, ReadOnlySpan<uint> spawnKey)
    {
        _entropy = entropy.Length == 0 ? [0u] : entropy.ToArray();
        _spawnKey = spawnKey.ToArray();
        Mix(Assemble());
    }

    /// <summary>The words of the seed, least significant first.</summary>
    public ReadOnlySpan<uint> Entropy => _entropy;

    /// <summary>The numbers of the children that lead from the root to this sequence.</summary>
    public ReadOnlySpan<uint> SpawnKey => _spawnKey;

    /// <summary>A sequence of 128 bits from the operating system.</summary>
    public static SeedSequence FromSystem()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        return new SeedSequence(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(bytes), []);
    }

    /// <summary>The next <paramref name="count"/> children; their streams are independent of this one's and of each other's.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public SeedSequence[] Spawn(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var children = new SeedSequence[count];
        for (var i = 0; i < count; i++) children[i] = Child(_spawned++);
        return children;
    }

    /// <summary>The child with the number <paramref name="index"/>, without counting it as spawned.</summary>
    public SeedSequence Child(uint index) => new(_entropy, [.. _spawnKey, index]);

    /// <summary>Fills <paramref name="words"/> with mixed 32-bit words.</summary>
    public void Generate(Span<uint> words)
    {
        var hash = InitB;
        for (var i = 0; i < words.Length; i++)
        {
            var value = _pool[i % PoolSize] ^ hash;
            hash *= MultiplyB;
            value *= hash;
            words[i] = value ^ (value >> 16);
        }
    }

    /// <summary>Fills <paramref name="words"/> with mixed 64-bit words.</summary>
    public void Generate(Span<ulong> words)
    {
        var halves = new uint[words.Length * 2];
        Generate(halves);
        for (var i = 0; i < words.Length; i++) words[i] = halves[2 * i] | ((ulong)halves[(2 * i) + 1] << 32);
    }

    private static uint[] WordsOf(UInt128 value)
    {
        var words = new List<uint>(4);
        do
        {
            words.Add((uint)value);
            value >>= 32;
        }
        while (value != 0);
        return [.. words];
    }

    private uint[] Assemble()
    {
        // A short seed is padded when a spawn key follows, so that a child of seed s never equals the root of a longer seed.
        if (_spawnKey.Length == 0 || _entropy.Length >= PoolSize) return [.. _entropy, .. _spawnKey];
        return [.. _entropy, .. new uint[PoolSize - _entropy.Length], .. _spawnKey];
    }

    private void Mix(uint[] words)
    {
        var hash = InitA;
        uint HashMix(uint value)
        {
            value ^= hash;
            hash *= MultiplyA;
            value *= hash;
            return value ^ (value >> 16);
        }

        static uint Combine(uint x, uint y)
        {
            var result = (MixLeft * x) - (MixRight * y);
            return result ^ (result >> 16);
        }

        for (var i = 0; i < PoolSize; i++) _pool[i] = HashMix(i < words.Length ? words[i] : 0);
        for (var source = 0; source < PoolSize; source++)
        {
            for (var target = 0; target < PoolSize; target++)
            {
                if (source != target) _pool[target] = Combine(_pool[target], HashMix(_pool[source]));
            }
        }
        for (var source = PoolSize; source < words.Length; source++)
        {
            for (var target = 0; target < PoolSize; target++) _pool[target] = Combine(_pool[target], HashMix(words[source]));
        }
    }
}

using System.Runtime.CompilerServices;

namespace Cresset.Rl;

/// <summary>
/// Tile coding with an index table (Sutton's tiles3 rule): several grids of tiles, each shifted by odd multiples of a fraction of a tile;
/// a state activates one tile of each. Indices are given in the order in which tiles are first met; when the table is full, tiles share
/// indices by the hash that Python gives a tuple.
/// </summary>
public sealed class TileCoder
{
    private readonly Dictionary<TileKey, int> _table = [];

    /// <summary>A coder of <paramref name="capacity"/> indices and <paramref name="tilings"/> grids.</summary>
    /// <param name="capacity">Number of indices, and so of weights.</param>
    /// <param name="tilings">Number of grids; a power of 2 of at least four times the dimensions is best.</param>
    public TileCoder(int capacity, int tilings)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(tilings);
        (Capacity, Tilings) = (capacity, tilings);
    }

    /// <summary>Number of indices.</summary>
    public int Capacity { get; }

    /// <summary>Number of grids.</summary>
    public int Tilings { get; }

    /// <summary>Number of tiles met so far.</summary>
    public int Used => _table.Count;

    /// <summary>How many look-ups found the table full.</summary>
    public long Overfull { get; private set; }

    /// <summary>Writes the indices of the active tiles, one a grid.</summary>
    /// <param name="values">The state, scaled so that a tile has width 1.</param>
    /// <param name="integers">More numbers that must agree exactly, such as the action.</param>
    /// <param name="indices">Receives <see cref="Tilings"/> indices; -1 for unknown tiles in a read-only query.</param>
    /// <param name="wraps">For each value the number of tiles after which it repeats, 0 for none.</param>
    /// <param name="readOnly">Do not add tiles that were not met before.</param>
    /// <exception cref="ArgumentException">More than 14 numbers in all, or too little room for the indices.</exception>
    public void Write(ReadOnlySpan<double> values, ReadOnlySpan<int> integers, Span<int> indices, ReadOnlySpan<int> wraps = default,
        bool readOnly = false)
    {
        if (indices.Length < Tilings)
            throw new ArgumentException($"Room for {indices.Length} indices; {Tilings} are needed.", nameof(indices));
        for (var tiling = 0; tiling < Tilings; tiling++)
        {
            var key = KeyOf(tiling, values, integers, wraps);
            indices[tiling] = IndexOf(key, readOnly);
        }
    }

    /// <summary>The indices of the active tiles in a new array.</summary>
    public int[] Of(ReadOnlySpan<double> values, params ReadOnlySpan<int> integers)
    {
        var indices = new int[Tilings];
        Write(values, integers, indices);
        return indices;
    }

    /// <summary>
    /// The coordinates behind the tiles: the number of the grid, the tile in each dimension, the integers. [Tilings][...]
    /// </summary>
    public int[][] Coordinates(ReadOnlySpan<double> values, ReadOnlySpan<int> integers, ReadOnlySpan<int> wraps = default)
    {
        var rows = new int[Tilings][];
        for (var tiling = 0; tiling < Tilings; tiling++) rows[tiling] = KeyOf(tiling, values, integers, wraps).ToArray();
        return rows;
    }

    /// <summary>Python's hash of a tuple of integers, as the index of a table of <paramref name="size"/> entries.</summary>
    public static int HashIndex(ReadOnlySpan<int> coordinates, int size)
    {
        const ulong Prime1 = 11400714785074694791, Prime2 = 14029467366897019727, Prime5 = 2870177450012600261;
        var sum = Prime5;
        foreach (var coordinate in coordinates)
        {
            // The hash of an integer is itself, but -1 is reserved for errors.
            sum += (ulong)(coordinate == -1 ? -2L : coordinate) * Prime2;
            sum = System.Numerics.BitOperations.RotateLeft(sum, 31) * Prime1;
        }
        sum += (ulong)coordinates.Length ^ (Prime5 ^ 3527539);
        var hash = sum == ulong.MaxValue ? 1546275796 : (long)sum;
        return (int)(((hash % size) + size) % size);
    }

    private TileKey KeyOf(int tiling, ReadOnlySpan<double> values, ReadOnlySpan<int> integers, ReadOnlySpan<int> wraps)
    {
        var key = default(TileKey);
        key.Add(tiling);
        var shift = tiling;
        for (var i = 0; i < values.Length; i++)
        {
            var place = Math.Floor(values[i] * Tilings);
            // Beyond that, neighbouring tiles would be one: a value that is NaN, or one that nobody scaled.
            if (!(Math.Abs(place) <= int.MaxValue))
                throw new ArgumentOutOfRangeException(nameof(values), values[i],
                    $"Value {i} has no tile: finite numbers up to {int.MaxValue / Tilings} are needed, scaled so that a tile is 1 wide.");
            var quantum = (long)place;
            if (wraps.IsEmpty)
            {
                key.Add((int)FloorDivide(quantum + shift, Tilings));
            }
            else
            {
                var tile = FloorDivide(quantum + (shift % Tilings), Tilings);
                var width = i < wraps.Length ? wraps[i] : 0;
                key.Add((int)(width > 0 ? ((tile % width) + width) % width : tile));
            }
            shift += 2 * tiling;
        }
        foreach (var integer in integers) key.Add(integer);
        return key;
    }

    private int IndexOf(in TileKey key, bool readOnly)
    {
        if (_table.TryGetValue(key, out var index)) return index;
        if (readOnly) return -1;
        if (_table.Count >= Capacity)
        {
            Overfull++;
            return HashIndex(key.ToArray(), Capacity);
        }
        return _table[key] = _table.Count;
    }

    private static long FloorDivide(long a, long b) => a >= 0 ? a / b : -((-a + b - 1) / b);

    private struct TileKey : IEquatable<TileKey>
    {
        private Numbers _numbers;
        private int _count;
        private uint _hash;

        public void Add(int number)
        {
            if (_count == 15) throw new ArgumentException("Tile coding takes at most 14 numbers.");
            _numbers[_count++] = number;
            _hash = (System.Numerics.BitOperations.RotateLeft(_hash, 5) ^ (uint)number) * 0x9e3779b1;
        }

        public readonly int[] ToArray()
        {
            var array = new int[_count];
            for (var i = 0; i < _count; i++) array[i] = _numbers[i];
            return array;
        }

        public readonly bool Equals(TileKey other)
            => _hash == other._hash && _count == other._count
                && ((ReadOnlySpan<int>)_numbers)[.._count].SequenceEqual(((ReadOnlySpan<int>)other._numbers)[.._count]);

        public override readonly bool Equals(object? obj) => obj is TileKey other && Equals(other);

        public override readonly int GetHashCode() => (int)_hash;
    }

    [InlineArray(15)]
    private struct Numbers
    {
        private int _first;
    }
}

using System.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>
/// Non-negative numbers with their running sums in a binary tree: changing one and finding the entry at a given sum take log2(count) steps
/// (Schaul et al. 2016, appendix B.2.1).
/// </summary>
internal sealed class SumTree
{
    private readonly double[] _sums;
    private readonly int _leaves;

    /// <summary>A tree of <paramref name="count"/> zeros.</summary>
    public SumTree(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        Count = count;
        _leaves = (int)BitOperations.RoundUpToPowerOf2((uint)count);
        _sums = new double[2 * _leaves];
    }

    /// <summary>Number of entries.</summary>
    public int Count { get; }

    /// <summary>The sum of all entries.</summary>
    public double Total => _sums[1];

    /// <summary>An entry; setting it renews the sums above it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such entry, or the value is negative or not finite.</exception>
    public double this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
            return _sums[_leaves + index];
        }

        set
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
            if (!(value >= 0) || double.IsInfinity(value))
                throw new ArgumentOutOfRangeException(nameof(value), value, $"Entry {index}: allowed are finite numbers of at least 0.");
            var node = _leaves + index;
            _sums[node] = value;
            // Sums are made anew from both children, so rounding never builds up.
            for (node /= 2; node >= 1; node /= 2) _sums[node] = _sums[2 * node] + _sums[(2 * node) + 1];
        }
    }

    /// <summary>The entry in whose share of the running sum <paramref name="mass"/> lies: the first whose running sum exceeds it.</summary>
    /// <param name="mass">In [0, Total); values outside are taken to the nearest end.</param>
    /// <exception cref="InvalidOperationException">All entries are zero.</exception>
    public int Find(double mass)
    {
        if (!(Total > 0)) throw new InvalidOperationException("All entries are zero: there is nothing to find.");
        var node = 1;
        while (node < _leaves)
        {
            var left = _sums[2 * node];
            // The right side is empty when rounding pushes the mass beyond the last entry.
            if (mass < left || _sums[(2 * node) + 1] == 0)
            {
                node = 2 * node;
            }
            else
            {
                mass -= left;
                node = (2 * node) + 1;
            }
        }
        return node - _leaves;
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cresset.Flows;

/// <summary>
/// The linear assignment problem, exactly (Jonker and Volgenant 1987): column reduction, reduction transfer and augmenting row reduction
/// settle most rows, shortest augmenting paths the rest. Vectorised over columns.
/// </summary>
internal static class ExactAssignment
{
    /// <summary>Assigns each row one column so that the sum of costs is smallest.</summary>
    /// <param name="cost">Costs, row by row, size x size, finite.</param>
    /// <param name="size">Number of rows and columns.</param>
    /// <returns>The column of each row.</returns>
    /// <exception cref="ArgumentException">The matrix has another length, or a cost is not finite.</exception>
    public static int[] Solve(ReadOnlySpan<double> cost, int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        if (cost.Length != (long)size * size)
            throw new ArgumentException($"cost holds {cost.Length} values; {size} x {size} = {(long)size * size} are needed.",
                nameof(cost));
        for (var i = 0; i < cost.Length; i++)
        {
            if (!double.IsFinite(cost[i]))
                throw new ArgumentException($"cost[{i / size}, {i % size}] is {cost[i]}; costs must be finite.", nameof(cost));
        }
        if (size == 0) return [];
        var solver = new Solver(size);
        solver.Run(cost);
        return solver.ColumnOfRow;
    }

    private sealed class Solver(int size)
    {
        private readonly int[] _rowOfColumn = new int[size];
        private readonly double[] _price = new double[size];
        private readonly double[] _distance = new double[size];
        private readonly double[] _closed = new double[size];
        private readonly long[] _from = new long[size];
        private readonly int[] _scanned = new int[size];
        private readonly double[] _settled = new double[size];
        private int[] _free = new int[size];
        private int _freeCount;

        public int[] ColumnOfRow { get; } = new int[size];

        public void Run(ReadOnlySpan<double> cost)
        {
            ReduceColumns(cost);
            for (var pass = 0; pass < 2; pass++) ReduceRows(cost);
            for (var i = 0; i < _freeCount; i++) Augment(cost, _free[i]);
        }

        private void ReduceColumns(ReadOnlySpan<double> cost)
        {
            cost[..size].CopyTo(_price);
            Array.Clear(_rowOfColumn);
            for (var i = 1; i < size; i++)
            {
                var row = cost.Slice(i * size, size);
                for (var j = 0; j < size; j++)
                {
                    if (row[j] < _price[j]) (_price[j], _rowOfColumn[j]) = (row[j], i);
                }
            }
            Array.Fill(ColumnOfRow, -1);
            var matches = new int[size];
            for (var j = size - 1; j >= 0; j--)
            {
                var i = _rowOfColumn[j];
                if (++matches[i] == 1) ColumnOfRow[i] = j;
                else _rowOfColumn[j] = -1;
            }
            for (var i = 0; i < size; i++)
            {
                if (matches[i] == 0) _free[_freeCount++] = i;
                if (matches[i] != 1) continue;
                var (first, second, column, _) = TwoSmallest(cost.Slice(i * size, size));
                // The price falls by what the row would lose with its second choice.
                var own = ColumnOfRow[i];
                _price[own] -= (column == own ? second : first) - (cost[i * size + own] - _price[own]);
            }
        }

        private void ReduceRows(ReadOnlySpan<double> cost)
        {
            var pending = _free.AsSpan(0, _freeCount).ToArray();
            var next = new List<int>();
            // Rounding can make two rows take a column from each other for ever: the budget ends that, paths do the rest.
            var budget = 4 * size;
            for (var k = 0; k < pending.Length;)
            {
                var i = pending[k++];
                var (first, second, column, other) = TwoSmallest(cost.Slice(i * size, size));
                var lower = _price[column] - (second - first);
                var gains = lower < _price[column];
                var lowers = gains && --budget > 0;
                var evicted = _rowOfColumn[column];
                if (lowers) _price[column] = lower;
                // The second choice is as good as the first only where nothing would be gained.
                else if (!gains && evicted >= 0 && other >= 0) (column, evicted) = (other, _rowOfColumn[other]);
                ColumnOfRow[i] = column;
                _rowOfColumn[column] = i;
                if (evicted < 0) continue;
                ColumnOfRow[evicted] = -1;
                if (lowers) pending[--k] = evicted;
                else next.Add(evicted);
            }
            _free = [.. next];
            _freeCount = next.Count;
        }

        private (double First, double Second, int Column, int Other) TwoSmallest(ReadOnlySpan<double> row)
        {
            double first = double.PositiveInfinity, second = double.PositiveInfinity;
            int column = -1, other = -1;
            ref var c = ref MemoryMarshal.GetReference(row);
            ref var p = ref MemoryMarshal.GetArrayDataReference(_price);
            var width = Vector<double>.Count;
            var j = 0;
            for (; j <= size - width; j += width)
            {
                var reduced = Vector.LoadUnsafe(ref c, (nuint)j) - Vector.LoadUnsafe(ref p, (nuint)j);
                // Few blocks hold a value below the second smallest so far.
                if (!Vector.LessThanAny(reduced, new Vector<double>(second))) continue;
                for (var k = 0; k < width; k++) Consider(reduced[k], j + k, ref first, ref second, ref column, ref other);
            }
            for (; j < size; j++) Consider(row[j] - _price[j], j, ref first, ref second, ref column, ref other);
            return (first, second, column, other);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Consider(double value, int index, ref double first, ref double second, ref int column, ref int other)
        {
            if (value >= second) return;
            if (value < first) (second, other, first, column) = (first, column, value, index);
            else (second, other) = (value, index);
        }

        private void Augment(ReadOnlySpan<double> cost, int start)
        {
            Array.Fill(_distance, double.PositiveInfinity);
            Array.Clear(_closed);
            var count = 0;
            var row = start;
            var offset = 0.0;
            double reached;
            int column;
            while (true)
            {
                (reached, column) = Relax(cost.Slice(row * size, size), offset, row);
                _closed[column] = double.PositiveInfinity;
                _distance[column] = double.PositiveInfinity;
                row = _rowOfColumn[column];
                if (row < 0) break;
                _scanned[count] = column;
                _settled[count++] = reached;
                offset = reached - (cost[row * size + column] - _price[column]);
            }
            for (var i = 0; i < count; i++) _price[_scanned[i]] += _settled[i] - reached;
            while (true)
            {
                var from = (int)_from[column];
                _rowOfColumn[column] = from;
                (ColumnOfRow[from], column) = (column, ColumnOfRow[from]);
                if (from == start) return;
            }
        }

        /// <summary>Shortens distances through a row and finds the nearest open column.</summary>
        private (double Nearest, int Column) Relax(ReadOnlySpan<double> row, double offset, int from)
        {
            ref var c = ref MemoryMarshal.GetReference(row);
            ref var p = ref MemoryMarshal.GetArrayDataReference(_price);
            ref var d = ref MemoryMarshal.GetArrayDataReference(_distance);
            ref var closed = ref MemoryMarshal.GetArrayDataReference(_closed);
            ref var f = ref MemoryMarshal.GetArrayDataReference(_from);
            var width = Vector<double>.Count;
            var shift = new Vector<double>(offset);
            var origin = new Vector<long>(from);
            var best = new Vector<double>(double.PositiveInfinity);
            var bestBlock = Vector<long>.Zero;
            var j = 0;
            for (; j <= size - width; j += width)
            {
                var at = (nuint)j;
                var old = Vector.LoadUnsafe(ref d, at);
                var through = Vector.LoadUnsafe(ref c, at) - Vector.LoadUnsafe(ref p, at) + shift + Vector.LoadUnsafe(ref closed, at);
                var shorter = Vector.LessThan(through, old);
                var now = Vector.ConditionalSelect(shorter, through, old);
                now.StoreUnsafe(ref d, at);
                Vector.ConditionalSelect(shorter, origin, Vector.LoadUnsafe(ref f, at)).StoreUnsafe(ref f, at);
                var nearer = Vector.LessThan(now, best);
                best = Vector.ConditionalSelect(nearer, now, best);
                bestBlock = Vector.ConditionalSelect(nearer, new Vector<long>(j), bestBlock);
            }
            var nearest = double.PositiveInfinity;
            var column = -1;
            for (var k = 0; k < width; k++)
            {
                if (best[k] < nearest) (nearest, column) = (best[k], (int)bestBlock[k] + k);
            }
            for (; j < size; j++)
            {
                var through = row[j] - _price[j] + offset + _closed[j];
                if (through < _distance[j]) (_distance[j], _from[j]) = (through, from);
                if (_distance[j] < nearest) (nearest, column) = (_distance[j], j);
            }
            return (nearest, column);
        }
    }
}

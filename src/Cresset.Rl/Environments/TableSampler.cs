using System.Runtime.CompilerServices;
using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Draws outcomes of a <see cref="TransitionTable"/> the way Gymnasium's toy-text environments do: one double a step, the first outcome
/// whose cumulative probability exceeds it (outcome 0 when rounding leaves none).
/// </summary>
internal sealed class TableSampler
{
    private const int TerminatedBit = int.MinValue;

    private readonly int[] _offsets;
    private readonly double[] _cumulative;
    private readonly ulong[] _packed;
    private readonly double[] _rewards;
    private readonly double[] _probabilities;
    private readonly double[] _start;
    private readonly bool _deterministic;
    private readonly int _onlyStart;

    public TableSampler(TransitionTable table)
    {
        _offsets = table.Offsets.ToArray();
        _probabilities = table.Probabilities.ToArray();
        _cumulative = new double[table.OutcomeCount];
        _packed = new ulong[table.OutcomeCount];
        var palette = new Dictionary<double, int>();
        for (var i = 0; i < _packed.Length; i++)
        {
            if (!palette.TryGetValue(table.Rewards[i], out var reward)) palette[table.Rewards[i]] = reward = palette.Count;
            _packed[i] = ((ulong)(uint)reward << 32) | (uint)(table.NextStates[i] | (table.Terminated[i] ? TerminatedBit : 0));
        }
        _rewards = [.. palette.Keys];
        _deterministic = true;
        for (var row = 0; row + 1 < _offsets.Length; row++)
        {
            var sum = 0.0;
            for (var i = _offsets[row]; i < _offsets[row + 1]; i++) _cumulative[i] = sum += _probabilities[i];
            _deterministic &= _offsets[row + 1] - _offsets[row] == 1;
        }
        _start = table.Start.ToArray();
        var total = 0.0;
        for (var s = 0; s < _start.Length; s++) _start[s] = total += _start[s];
        if (total == 0) throw new ArgumentException("The table has no start probabilities to begin episodes with.", nameof(table));
        _onlyStart = table.Start.IndexOf(1.0);
    }

    /// <summary>Draws a start state.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Start(RandomStream random)
    {
        if (_onlyStart < 0) return Search(random.NextDouble());
        random.Skip();
        return _onlyStart;
    }

    /// <summary>Draws an outcome; its index is enough for <see cref="Probability"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public StepOutcome Next(int row, RandomStream random, out int state, out int outcome)
    {
        if (_deterministic)
        {
            // The draw cannot change anything but must be made: the stream has to stay in step with Gymnasium's.
            random.Skip();
            outcome = row;
        }
        else
        {
            outcome = Draw(row, random.NextDouble());
        }
        var packed = _packed[outcome];
        state = (int)packed & ~TerminatedBit;
        return new StepOutcome(_rewards[(int)(packed >> 32)], (int)packed < 0);
    }

    public double Probability(int outcome) => _probabilities[outcome];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Draw(int row, double draw)
    {
        var first = _offsets[row];
        var count = _offsets[row + 1] - first;
        if (count <= 3)
        {
            // No branches on the draw: it is what the predictor cannot foresee.
            if (count == 1) return first;
            var c0 = _cumulative[first];
            var c1 = _cumulative[first + 1];
            var c2 = count == 3 ? _cumulative[first + 2] : c1;
            var past = (draw >= c0 ? 1 : 0) + (draw >= c1 ? 1 : 0) + (draw >= c2 ? count == 3 ? 1 : 0 : 0);
            return past < count ? first + past : first;
        }
        for (var i = first; i < first + count; i++)
        {
            if (_cumulative[i] > draw) return i;
        }
        return first;
    }

    private int Search(double draw)
    {
        var low = 0;
        var high = _start.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_start[middle] > draw) high = middle;
            else low = middle + 1;
        }
        return low < _start.Length ? low : 0;
    }
}

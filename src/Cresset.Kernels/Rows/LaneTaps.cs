namespace Cresset.Kernels;

/// <summary>
/// The taps of an axis for 16 results at a time: each tap of a block takes its 16 inputs out of two registers that hold 32 neighbours.
/// Blocks whose inputs lie further apart than that go tap by tap.
/// </summary>
internal sealed unsafe class LaneTaps
{
    public const int Lanes = 16;
    public const int Window = 2 * Lanes;
    private readonly Block[] _blocks;
    private readonly int[] _bases;
    private readonly int[] _picks;
    private readonly float[] _weights;
    private readonly int[] _masks;

    public LaneTaps(AxisTaps taps)
    {
        Count = (taps.OutSize + Lanes - 1) / Lanes;
        var blocks = new Block[Count];
        List<int> bases = [], picks = [], masks = [];
        List<float> weights = [];
        for (var b = 0; b < Count; b++) blocks[b] = Build(taps, b * Lanes, bases, picks, weights, masks);
        (_blocks, _bases, _picks) = (AxisTaps.Pinned<Block>(blocks), AxisTaps.Pinned<int>(bases.ToArray()),
            AxisTaps.Pinned<int>(picks.ToArray()));
        (_weights, _masks) = (AxisTaps.Pinned<float>(weights.ToArray()), AxisTaps.Pinned<int>(masks.ToArray()));
    }

    /// <summary>How the inputs of a block are reached.</summary>
    public enum Reach
    {
        /// <summary>All taps in one window.</summary>
        Shared,

        /// <summary>Each tap in a window of its own.</summary>
        Own,

        /// <summary>Some tap is wider than a window.</summary>
        Wide,
    }

    public int Count { get; }

    public Block* Blocks => (Block*)AxisTaps.Address(_blocks);

    /// <summary>First input of each tap's window.</summary>
    public int* Bases => (int*)AxisTaps.Address(_bases);

    /// <summary>Places in the window, 16 a tap.</summary>
    public int* Picks => (int*)AxisTaps.Address(_picks);

    public float* Weights => (float*)AxisTaps.Address(_weights);

    /// <summary>All bits set where a lane has this tap.</summary>
    public int* Masks => (int*)AxisTaps.Address(_masks);

    private static Block Build(AxisTaps taps, int start, List<int> bases, List<int> picks, List<float> weights, List<int> masks)
    {
        var lanes = Math.Min(Lanes, taps.OutSize - start);
        int most = 0, least = int.MaxValue, low = int.MaxValue, high = 0;
        for (var lane = 0; lane < lanes; lane++)
        {
            var count = taps.First[start + lane + 1] - taps.First[start + lane];
            (most, least) = (Math.Max(most, count), Math.Min(least, count));
            for (var j = taps.First[start + lane]; j < taps.First[start + lane + 1]; j++)
                (low, high) = (Math.Min(low, taps.Index[j]), Math.Max(high, taps.Index[j]));
        }
        var block = new Block
        {
            Taps = most,
            First = bases.Count,
            Masked = least < most || most == 0,
            Reach = most == 0 || high - low < Window ? Reach.Shared : Reach.Own
        };
        var lastBase = Math.Max(0, taps.InSize - Window);
        for (var k = 0; k < most; k++)
        {
            int tapLow = int.MaxValue, tapHigh = 0;
            for (var lane = 0; lane < lanes; lane++)
            {
                if (Place(taps, start + lane, k) is not { } j) continue;
                (tapLow, tapHigh) = (Math.Min(tapLow, taps.Index[j]), Math.Max(tapHigh, taps.Index[j]));
            }
            if (tapHigh - tapLow >= Window) block.Reach = Reach.Wide;
            var windowStart = Math.Min(block.Reach == Reach.Shared ? low : tapLow, lastBase);
            bases.Add(windowStart);
            for (var lane = 0; lane < Lanes; lane++)
            {
                var place = lane < lanes ? Place(taps, start + lane, k) : null;
                picks.Add(place is { } at ? taps.Index[at] - windowStart : 0);
                weights.Add(place is { } with ? taps.Weight[with] : 0);
                masks.Add(place is null ? 0 : -1);
            }
        }
        return block;
    }

    private static int? Place(AxisTaps taps, int o, int k) => taps.First[o] + k < taps.First[o + 1] ? taps.First[o] + k : null;

    public struct Block
    {
        public int Taps;
        public int First;
        public bool Masked;
        public Reach Reach;
    }
}

using Cresset.Kernels;

namespace Cresset.Optim;

/// <summary>
/// Cuts arrays into pieces of at most <see cref="PieceLength"/> elements and hands them out to threads in units of about that size, many
/// small arrays to one unit. The cut depends on the sizes alone, so results do not depend on the threads.
/// </summary>
internal sealed class WorkList
{
    /// <summary>
    /// A multiple of 256, so that quantized blocks never straddle pieces. 256 K elements of AdamW are 7 MB of traffic: long against a
    /// hand-out, short against a step.
    /// </summary>
    public const long PieceLength = 1 << 18;

    private readonly List<(int Item, long From, long Count)> _pieces = [];
    private readonly List<int> _unitEnds = [];
    private long _unitLoad;
    private int _items;

    public delegate void PieceWork(int piece, int item, long from, long count);

    public int PieceCount => _pieces.Count;

    public void Clear()
    {
        _pieces.Clear();
        _unitEnds.Clear();
        _unitLoad = 0;
        _items = 0;
    }

    /// <summary>Adds an array of <paramref name="length"/> elements; arrays are numbered in the order of the calls.</summary>
    public void Add(long length)
    {
        var item = _items++;
        for (long from = 0; from < length; from += PieceLength)
        {
            var count = Math.Min(PieceLength, length - from);
            if (_unitLoad + count > PieceLength) CloseUnit();
            _pieces.Add((item, from, count));
            _unitLoad += count;
        }
    }

    /// <summary>Runs <paramref name="work"/> on every piece.</summary>
    public void Run(int threads, PieceWork work)
    {
        CloseUnit();
        var units = _unitEnds.Count;
        ForkJoin.Run(threads, units, unit =>
        {
            for (var piece = unit == 0 ? 0 : _unitEnds[(int)unit - 1]; piece < _unitEnds[(int)unit]; piece++)
            {
                var (item, from, count) = _pieces[piece];
                work(piece, item, from, count);
            }
        });
    }

    private void CloseUnit()
    {
        if (_unitLoad == 0) return;
        _unitEnds.Add(_pieces.Count);
        _unitLoad = 0;
    }
}

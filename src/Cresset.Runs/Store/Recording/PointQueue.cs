namespace Cresset.Runs;

/// <summary>A point on its way from the recording threads to the writer.</summary>
internal readonly record struct PendingPoint(string Tag, SeriesPoint Point);

/// <summary>
/// Two buffers that change places: recorders append to one under a short lock while the writer empties the other.
/// When the writer falls far behind, recorders wait, so memory stays bounded and no point is dropped.
/// </summary>
internal sealed class PointQueue
{
    /// <summary>Recorders wait when this many points are pending.</summary>
    public const int Limit = 1 << 18;

    /// <summary>The writer is woken before its time when this many are pending.</summary>
    public const int Threshold = 1 << 14;

    private readonly object _gate = new();
    private readonly AutoResetEvent _wake;
    private PendingPoint[] _front = new PendingPoint[1024];
    private PendingPoint[] _back = new PendingPoint[1024];
    private int _count;
    private bool _closed;

    public PointQueue(AutoResetEvent wake) => _wake = wake;

    public void Add(string tag, in SeriesPoint point)
    {
        bool wake;
        lock (_gate)
        {
            while (_count >= Limit && !_closed)
            {
                _wake.Set();
                Monitor.Wait(_gate, 100);
            }
            ObjectDisposedException.ThrowIf(_closed, typeof(Run));
            if (_count == _front.Length) Array.Resize(ref _front, _count * 2);
            _front[_count++] = new(tag, point);
            wake = _count == Threshold;
        }
        if (wake) _wake.Set();
    }

    /// <summary>All pending points; valid until the next call.</summary>
    public ReadOnlyMemory<PendingPoint> Take()
    {
        lock (_gate)
        {
            var taken = _front.AsMemory(0, _count);
            (_front, _back) = (_back, _front);
            _count = 0;
            Monitor.PulseAll(_gate);
            return taken;
        }
    }

    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
    }
}

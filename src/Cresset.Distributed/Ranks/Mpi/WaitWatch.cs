using System.Globalization;

namespace Cresset.Distributed;

/// <summary>
/// Ends the job when a rank waits too long for the others: MPI reports neither a cut link nor a rank that hangs, and would wait for ever.
/// </summary>
internal sealed class WaitWatch : IDisposable
{
    /// <summary>What a job ends with whose ranks lost each other; starting again may help, unlike after an error.</summary>
    public const int ExitCode = 75;

    private static readonly TimeSpan AbortPatience = TimeSpan.FromSeconds(5);
    private readonly ICommunicator _ranks;
    private readonly Lock _lock = new();
    private Timer? _timer;
    private long _since;
    private string _what = "";
    private int _isEnding;

    public WaitWatch(ICommunicator ranks) => _ranks = ranks;

    public TimeSpan Limit
    {
        get;
        set
        {
            if (value != Timeout.InfiniteTimeSpan && value <= TimeSpan.Zero)
                throw new ArgumentOutOfRangeException(nameof(value), value, "The limit must be longer than nothing, or infinite.");
            lock (_lock)
            {
                field = value;
                if (value != Timeout.InfiniteTimeSpan)
                    _timer ??= new Timer(_ => Look(), null, TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(250));
            }
        }
    } = Timeout.InfiniteTimeSpan;

    /// <summary>A wait begins; it ends when the result is disposed of.</summary>
    public Wait Enter(string what)
    {
        _what = what;
        Interlocked.Exchange(ref _since, Environment.TickCount64 + 1);
        return new Wait(this);
    }

    public void Dispose() => _timer?.Dispose();

    private void Look()
    {
        var since = Interlocked.Read(ref _since);
        if (since == 0 || Limit == Timeout.InfiniteTimeSpan || Environment.TickCount64 + 1 - since < Limit.TotalMilliseconds) return;
        // The timer goes on while the abort is under way.
        if (Interlocked.Exchange(ref _isEnding, 1) != 0) return;
        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"cresset: rank {_ranks.Rank} has waited {Limit.TotalSeconds:0.#} s for the others in {_what}: a rank hangs, or a link between "
                + $"hosts is cut. This rank ends, and the job with it."));
        // An abort that cannot reach the others may hang as well.
        var abort = new Thread(() => _ranks.Abort(ExitCode)) { IsBackground = true };
        abort.Start();
        abort.Join(AbortPatience);
        ProcessEnd.Now(ExitCode);
    }

    /// <summary>A wait that goes on.</summary>
    internal readonly struct Wait(WaitWatch watch) : IDisposable
    {
        public void Dispose() => Interlocked.Exchange(ref watch._since, 0);
    }
}

using System.Runtime.InteropServices;
using System.Text;

namespace Cresset.Distributed;

/// <summary>All ranks of an MPI job.</summary>
internal sealed unsafe class MpiCommunicator : ICommunicator
{
    // Counts are 32-bit in C; a power of two keeps the pieces of one reduction alike.
    private const int MostAtOnce = 1 << 28;

    private readonly MpiLibrary _library;
    private readonly WaitWatch _watch;
    private bool _isFinalized;

    private MpiCommunicator(MpiLibrary library, int rank, int size)
    {
        (_library, Rank, Size) = (library, rank, size);
        _watch = new WaitWatch(this);
    }

    public int Rank { get; }

    public int Size { get; }

    public int LocalRank { get; private set; }

    public int LocalSize { get; private set; }

    public string Description =>
        $"{Size} ranks by {(_library.Version.Length > 0 ? _library.Version.Split(',')[0] : _library.Numbers.Family)}";

    public TimeSpan WaitLimit
    {
        get => _watch.Limit;
        set => _watch.Limit = value;
    }

    /// <summary>Initialises MPI and checks that it joined what the environment promises.</summary>
    public static MpiCommunicator Start(MpiLibrary library, RankPlace place)
    {
        var world = library.Numbers.World;
        int started, level, rank, size;
        library.Check(library.Initialized(&started), "MPI_Initialized");
        // A second communicator of a process is another view of the same world.
        if (started == 0) library.Check(library.InitThread(null, null, library.Numbers.ThreadMultiple, &level), "MPI_Init_thread");
        library.Check(library.SetErrorHandler(world, library.Numbers.ErrorsReturn), "MPI_Comm_set_errhandler");
        library.Check(library.CommRank(world, &rank), "MPI_Comm_rank");
        library.Check(library.CommSize(world, &size), "MPI_Comm_size");
        if (place.Size > 0 && (place.Size != size || place.Rank != rank))
        {
            throw new CommunicationException(
                $"The environment ({place.Source}) says rank {place.Rank} of {place.Size}, and {library.Name} says rank {rank} of {size}: "
                    + $"the ranks were started by another MPI than the one that was loaded. "
                + $"Start them with that library's own mpirun, or name the right library in {Communicator.LibraryVariable}.");
        }
        var communicator = new MpiCommunicator(library, rank, size);
        communicator.FindHost(place);
        return communicator;
    }

    public void AllReduce(Span<float> values, Reduction reduction) => AllReduce(values, _library.Numbers.Float, reduction);

    public void AllReduce(Span<double> values, Reduction reduction) => AllReduce(values, _library.Numbers.Double, reduction);

    public IReductionUnderWay StartSum(Memory<float> values) => new MpiReduction(_library, _watch, values);

    public void Broadcast(Span<byte> bytes, int root)
    {
        if (root < 0 || root >= Size) throw new ArgumentOutOfRangeException(nameof(root), root, $"Ranks count from 0 to {Size - 1}.");
        fixed (byte* start = bytes)
        {
            for (var at = 0; at < bytes.Length; at += MostAtOnce)
            {
                using var wait = _watch.Enter("a broadcast");
                _library.Check(
                    _library.Broadcast(start + at, Math.Min(MostAtOnce, bytes.Length - at), _library.Numbers.Byte, root,
                        _library.Numbers.World), "MPI_Bcast");
            }
        }
    }

    public IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> part)
    {
        var lengths = new long[Size];
        long mine = part.Length;
        using (_watch.Enter("a gather"))
        {
            fixed (long* all = lengths)
                _library.Check(
                    _library.AllGather(&mine, sizeof(long), _library.Numbers.Byte, all, sizeof(long), _library.Numbers.Byte,
                        _library.Numbers.World), "MPI_Allgather");
        }
        if (lengths.Sum() > int.MaxValue)
            throw new CommunicationException(
                $"The parts of all ranks have {lengths.Sum()} bytes together; a gather takes less than 2 GiB. Gather in pieces.");
        var counts = Array.ConvertAll(lengths, length => (int)length);
        var starts = new int[Size];
        for (var rank = 1; rank < Size; rank++) starts[rank] = starts[rank - 1] + counts[rank - 1];
        var whole = new byte[Math.Max(1, counts.Sum())];
        using (_watch.Enter("a gather"))
        {
            byte nothing = 0;
            fixed (byte* to = whole, given = part)
            fixed (int* count = counts, start = starts)
            {
                var from = part.Length == 0 ? &nothing : given;
                _library.Check(
                    _library.AllGatherParts(from, part.Length, _library.Numbers.Byte, to, count, start, _library.Numbers.Byte,
                        _library.Numbers.World), "MPI_Allgatherv");
            }
        }
        return [.. Enumerable.Range(0, Size).Select(rank => whole.AsSpan(starts[rank], counts[rank]).ToArray())];
    }

    public void Barrier()
    {
        using var wait = _watch.Enter("a barrier");
        _library.Check(_library.Barrier(_library.Numbers.World), "MPI_Barrier");
    }

    public void Abort(int exitCode)
    {
        if (exitCode is < 1 or > 255) throw new ArgumentOutOfRangeException(nameof(exitCode), exitCode, "Allowed: 1 to 255.");
        _library.Abort(_library.Numbers.World, exitCode);
        // Where the library cannot reach anybody any more it may come back.
        ProcessEnd.Now(exitCode);
    }

    public void Dispose()
    {
        _watch.Dispose();
        if (_isFinalized) return;
        _isFinalized = true;
        _library.Check(_library.Finalize(), "MPI_Finalize");
    }

    private void AllReduce<T>(Span<T> values, nint type, Reduction reduction)
        where T : unmanaged
    {
        var operation = reduction switch
        {
            Reduction.Sum => _library.Numbers.Sum,
            Reduction.Max => _library.Numbers.Max,
            _ => throw new ArgumentOutOfRangeException(nameof(reduction), reduction, "Allowed: Sum, Max."),
        };
        fixed (T* start = values)
        {
            for (var at = 0; at < values.Length; at += MostAtOnce)
            {
                using var wait = _watch.Enter("a reduction");
                _library.Check(
                    _library.AllReduce(_library.Numbers.InPlace, start + at, Math.Min(MostAtOnce, values.Length - at), type, operation,
                        _library.Numbers.World), "MPI_Allreduce");
            }
        }
    }

    private void FindHost(RankPlace place)
    {
        if (!this.Any(place.LocalRank < 0 || place.LocalSize <= 0))
        {
            (LocalRank, LocalSize) = (place.LocalRank, place.LocalSize);
            return;
        }
        var hosts = Gather(Encoding.UTF8.GetBytes(Environment.MachineName)).Select(h => Encoding.UTF8.GetString(h)).ToList();
        LocalRank = hosts.Take(Rank).Count(h => h == hosts[Rank]);
        LocalSize = hosts.Count(h => h == hosts[Rank]);
    }
}

/// <summary>The end of a process that may be stuck in native code.</summary>
internal static partial class ProcessEnd
{
    /// <summary>Ends it without running anything more.</summary>
    public static void Now(int exitCode)
    {
        Console.Out.Flush();
        Console.Error.Flush();
        Leave(exitCode);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Leave(int status);
}

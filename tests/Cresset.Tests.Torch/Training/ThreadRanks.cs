using System.Runtime.ExceptionServices;
using Cresset.Distributed;

namespace Cresset.Tests.Torch.Training;

/// <summary>Ranks that are threads of one process: enough for what draws nothing from libtorch's global stream.</summary>
internal sealed class ThreadRanks : ICommunicator
{
    private readonly Barrier _barrier;
    private readonly byte[][] _parts;
    private readonly float[][] _floats;
    private readonly double[][] _doubles;

    private ThreadRanks(int rank, Barrier barrier, byte[][] parts, float[][] floats, double[][] doubles)
        => (Rank, _barrier, _parts, _floats, _doubles) = (rank, barrier, parts, floats, doubles);

    public int Rank { get; }

    public int Size => _parts.Length;

    public int LocalRank => Rank;

    public int LocalSize => Size;

    public string Description => $"{Size} threads";

    public TimeSpan WaitLimit { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>What each rank's work gives.</summary>
    public static T[] Run<T>(int size, Func<ICommunicator, T> work)
    {
        using var barrier = new Barrier(size);
        var (parts, floats, doubles) = (new byte[size][], new float[size][], new double[size][]);
        var results = new T[size];
        ExceptionDispatchInfo? failure = null;
        var threads = Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                results[rank] = work(new ThreadRanks(rank, barrier, parts, floats, doubles));
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
                barrier.RemoveParticipant();
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        failure?.Throw();
        return results;
    }

    public void AllReduce(Span<float> values, Reduction reduction = Reduction.Sum) => Reduce(values, _floats, reduction);

    public void AllReduce(Span<double> values, Reduction reduction = Reduction.Sum) => Reduce(values, _doubles, reduction);

    public IReductionUnderWay StartSum(Memory<float> values)
    {
        AllReduce(values.Span);
        return OneProcess.Instance.StartSum(default);
    }

    public void Broadcast(Span<byte> bytes, int root = 0) => Gather(bytes)[root].CopyTo(bytes);

    public IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> part)
    {
        _parts[Rank] = part.ToArray();
        _barrier.SignalAndWait();
        byte[][] all = [.. _parts];
        _barrier.SignalAndWait();
        return all;
    }

    public void Barrier() => _barrier.SignalAndWait();

    public void Abort(int exitCode) => throw new NotSupportedException();

    public void Dispose()
    {
    }

    private void Reduce<T>(Span<T> values, T[][] all, Reduction reduction)
        where T : struct, System.Numerics.INumber<T>
    {
        all[Rank] = values.ToArray();
        _barrier.SignalAndWait();
        for (var i = 0; i < values.Length; i++)
        {
            var joined = all[0][i];
            for (var rank = 1; rank < Size; rank++)
                joined = reduction == Reduction.Sum ? joined + all[rank][i] : T.Max(joined, all[rank][i]);
            values[i] = joined;
        }
        _barrier.SignalAndWait();
    }
}

namespace Cresset.Distributed;

/// <summary>
/// Processes that work together, numbered from 0. Every member but <see cref="Abort"/> is called by all ranks in the same order, on one
/// thread per rank. What comes back has the same bits on every rank.
/// </summary>
public interface ICommunicator : IDisposable
{
    /// <summary>This process, 0 to <see cref="Size"/> - 1.</summary>
    int Rank { get; }

    /// <summary>All processes.</summary>
    int Size { get; }

    /// <summary>This process among those of its host.</summary>
    int LocalRank { get; }

    /// <summary>Processes of this host.</summary>
    int LocalSize { get; }

    /// <summary>What carries the messages, for people.</summary>
    string Description { get; }

    /// <summary>
    /// Longest wait for the others within one call, after which this rank gives up and ends the job; infinite by default.
    /// </summary>
    TimeSpan WaitLimit { get; set; }

    /// <summary>Replaces values by their reduction over all ranks.</summary>
    /// <param name="values">As many on every rank.</param>
    /// <param name="reduction">How they are joined.</param>
    /// <exception cref="CommunicationException">The library reports an error.</exception>
    void AllReduce(Span<float> values, Reduction reduction = Reduction.Sum);

    /// <summary>Replaces values by their reduction over all ranks.</summary>
    /// <param name="values">As many on every rank.</param>
    /// <param name="reduction">How they are joined.</param>
    /// <exception cref="CommunicationException">The library reports an error.</exception>
    void AllReduce(Span<double> values, Reduction reduction = Reduction.Sum);

    /// <summary>
    /// Begins to replace values by their sum over all ranks, and comes back at once. All ranks begin the same sums in the same order; other
    /// calls may come between. The values belong to the sum until <see cref="IReductionUnderWay.Wait"/> has returned.
    /// </summary>
    /// <param name="values">As many on every rank; less than 2^31.</param>
    /// <exception cref="CommunicationException">The library reports an error.</exception>
    IReductionUnderWay StartSum(Memory<float> values);

    /// <summary>Replaces the bytes by those of one rank.</summary>
    /// <param name="bytes">As many on every rank.</param>
    /// <param name="root">Whose they are.</param>
    /// <exception cref="CommunicationException">The library reports an error.</exception>
    void Broadcast(Span<byte> bytes, int root = 0);

    /// <summary>The parts of all ranks in their order, on every rank; they may differ in length, and be empty.</summary>
    /// <param name="part">What this rank gives.</param>
    /// <exception cref="CommunicationException">The library reports an error, or all parts together have 2 GiB or more.</exception>
    IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> part);

    /// <summary>Returns when every rank has come here.</summary>
    void Barrier();

    /// <summary>
    /// Ends the processes of all ranks without waiting for anything; any thread may call it. Does not return where there is more than one
    /// rank.
    /// </summary>
    /// <param name="exitCode">What the job gives back, 1 to 255.</param>
    void Abort(int exitCode);
}

/// <summary>A sum that has begun.</summary>
public interface IReductionUnderWay
{
    /// <summary>Moves it on, which happens inside calls alone, without waiting for anybody; true when it is done.</summary>
    /// <exception cref="CommunicationException">The library reports an error.</exception>
    bool Poke();

    /// <summary>Returns when the sums are there.</summary>
    /// <exception cref="CommunicationException">The library reports an error.</exception>
    void Wait();
}

/// <summary>How values of several ranks are joined.</summary>
public enum Reduction
{
    /// <summary>Their sum; in which order is the library's choice, and the same bits arrive everywhere.</summary>
    Sum,

    /// <summary>The largest.</summary>
    Max,
}

/// <summary>Ranks could not be joined, or a message failed.</summary>
public sealed class CommunicationException : Exception
{
    /// <summary>Makes the exception.</summary>
    public CommunicationException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with its cause.</summary>
    public CommunicationException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

using System.Buffers;

namespace Cresset.Distributed;

/// <summary>A sum over the ranks that MPI works on between other calls.</summary>
internal sealed unsafe class MpiReduction : IReductionUnderWay
{
    // A status has 20 to 32 bytes; which address stands for "none" differs between libraries.
    private const int StatusBytes = 64;

    private readonly MpiLibrary _library;
    private readonly WaitWatch _watch;
    private readonly MemoryHandle _values;

    // A request has 4 bytes in MPICH and 8 elsewhere.
    private ulong _request;
    private bool _isDone;

    public MpiReduction(MpiLibrary library, WaitWatch watch, Memory<float> values)
    {
        (_library, _watch) = (library, watch);
        _values = values.Pin();
        fixed (ulong* request = &_request)
        {
            var numbers = library.Numbers;
            var code = library.StartAllReduce(numbers.InPlace, _values.Pointer, values.Length, numbers.Float, numbers.Sum, numbers.World,
                request);
            if (code != 0) _values.Dispose();
            library.Check(code, "MPI_Iallreduce");
        }
    }

    public bool Poke()
    {
        if (_isDone) return true;
        var status = stackalloc byte[StatusBytes];
        int flag;
        fixed (ulong* request = &_request) _library.Check(_library.Test(request, &flag, status), "MPI_Test");
        if (flag != 0) End();
        return _isDone;
    }

    public void Wait()
    {
        if (_isDone) return;
        var status = stackalloc byte[StatusBytes];
        using (_watch.Enter("a reduction"))
        {
            fixed (ulong* request = &_request) _library.Check(_library.WaitFor(request, status), "MPI_Wait");
        }
        End();
    }

    private void End()
    {
        _isDone = true;
        _request = 0;
        _values.Dispose();
    }
}

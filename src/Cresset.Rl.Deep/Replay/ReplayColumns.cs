using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Cresset.Rl.Deep;

/// <summary>The columns of a replay buffer in one block of memory, the process's own or a mapped file.</summary>
internal sealed unsafe class ReplayColumns : IDisposable
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _memory;

    public ReplayColumns(int rows, int observationSize, string? path)
    {
        (Rows, ObservationSize) = (rows, observationSize);
        var bytes = (long)rows * ((2L * observationSize * sizeof(float)) + sizeof(int) + sizeof(float) + 1);
        if (path is null)
        {
            _memory = (byte*)NativeMemory.AllocZeroed((nuint)bytes);
        }
        else
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            _file = MemoryMappedFile.CreateFromFile(path, FileMode.Create, null, bytes);
            _view = _file.CreateViewAccessor(0, bytes);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _memory);
        }
        // A path of untouched memory costs nothing: the system gives pages when they are written.
        Bytes = bytes;
    }

    ~ReplayColumns() => Free();

    public int Rows { get; }

    public int ObservationSize { get; }

    public long Bytes { get; }

    public Span<float> Observation(int row) => new((float*)Checked(row) + ((long)row * ObservationSize), ObservationSize);

    public Span<float> Next(int row) => new((float*)Checked(row) + ((long)Rows * ObservationSize) + ((long)row * ObservationSize), ObservationSize);

    public ref float Reward(int row) => ref ((float*)(Checked(row) + (2L * Rows * ObservationSize * sizeof(float))))[row];

    public ref int Action(int row) => ref ((int*)(Checked(row) + (2L * Rows * ObservationSize * sizeof(float)) + ((long)Rows * sizeof(float))))[row];

    public ref byte End(int row) => ref (Checked(row) + (2L * Rows * ObservationSize * sizeof(float)) + ((long)Rows * 2 * sizeof(float)))[row];

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private byte* Checked(int row)
    {
        ObjectDisposedException.ThrowIf(_memory == null, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Rows, nameof(row));
        return _memory;
    }

    private void Free()
    {
        if (_memory == null) return;
        if (_view is null) NativeMemory.Free(_memory);
        else _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _memory = null;
        _view?.Dispose();
        _file?.Dispose();
    }
}

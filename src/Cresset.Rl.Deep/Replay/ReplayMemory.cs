using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Cresset.Rl.Deep;

/// <summary>Columns of fixed width in one block of memory, the process's own or a mapped file.</summary>
internal sealed unsafe class ReplayMemory : IDisposable
{
    private readonly long[] _starts;
    private readonly int[] _widths;
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _memory;

    /// <summary>Columns of the given bytes per row.</summary>
    public ReplayMemory(long[] rows, int[] widths, string? path)
    {
        (Rows, _widths) = (rows, widths);
        _starts = new long[widths.Length];
        var bytes = 0L;
        for (var i = 0; i < widths.Length; i++)
        {
            _starts[i] = bytes;
            // Columns begin at multiples of 64, so that numbers in them are aligned.
            bytes += ((rows[i] * widths[i]) + 63) / 64 * 64;
        }
        if (path is null)
        {
            // Untouched memory costs nothing: the system gives pages when they are written.
            _memory = (byte*)NativeMemory.AllocZeroed((nuint)bytes);
        }
        else
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            _file = MemoryMappedFile.CreateFromFile(path, FileMode.Create, null, bytes);
            _view = _file.CreateViewAccessor(0, bytes);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _memory);
        }
    }

    ~ReplayMemory() => Free();

    /// <summary>Rows of each column.</summary>
    public long[] Rows { get; }

    public int Columns => _widths.Length;

    public int Width(int column) => _widths[column];

    /// <summary>One row of a column.</summary>
    public Span<byte> Row(int column, long row)
    {
        ObjectDisposedException.ThrowIf(_memory == null, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)row, (ulong)Rows[column], nameof(row));
        return new Span<byte>(_memory + _starts[column] + (row * _widths[column]), _widths[column]);
    }

    /// <summary>Several rows of a column, at most 2 GiB.</summary>
    public Span<byte> Span(int column, long row, long count)
    {
        ObjectDisposedException.ThrowIf(_memory == null, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(row + count, Rows[column], nameof(count));
        return new Span<byte>(_memory + _starts[column] + (row * _widths[column]), checked((int)(count * _widths[column])));
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
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

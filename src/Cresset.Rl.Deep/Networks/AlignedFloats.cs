using System.Runtime.CompilerServices;

namespace Cresset.Rl.Deep;

/// <summary>Floats that start on a cache line and never move, so that kernels may keep their address; freed by the collector.</summary>
internal sealed unsafe class AlignedFloats
{
    private const int Alignment = 64;
    private readonly float[] _memory;
    private readonly int _start;

    public AlignedFloats(int length)
    {
        Length = length;
        _memory = GC.AllocateArray<float>(length + (Alignment / sizeof(float)), pinned: true);
        var address = (nuint)Unsafe.AsPointer(ref _memory[0]);
        _start = (int)(((address + Alignment - 1) / Alignment * Alignment) - address) / sizeof(float);
        Pointer = (float*)Unsafe.AsPointer(ref _memory[_start]);
    }

    public int Length { get; }

    public float* Pointer { get; }

    public Span<float> Span => _memory.AsSpan(_start, Length);

    /// <summary>The next multiple of 16 floats: one 512-bit vector.</summary>
    public static int Padded(int length) => (length + 15) / 16 * 16;

    /// <summary>
    /// Distance of rows of that length: an odd number of cache lines. With a power of two all rows would share a few sets of the first
    /// cache and push each other out, which halves the speed of the products.
    /// </summary>
    public static int Stride(int length) => (((length + 15) / 16) | 1) * 16;
}

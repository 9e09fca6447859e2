using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Kernels;

/// <summary>
/// Tensors whose memory lies between two pages that may not be touched, against the first or against the second: a kernel that reads or
/// writes beside its tensor ends the process there and then. Linux only.
/// </summary>
internal sealed unsafe class GuardedTensors(Random random) : IDisposable
{
    private const int Page = 4096;
    private const int ReadWrite = 3, PrivateAnonymous = 0x22;
    private readonly List<(nint Start, nuint Length)> _maps = [];

    /// <summary>Numbers from -3 to 3 in a layout drawn at random: dense, transposed, with gaps, offset or expanded.</summary>
    public Tensor Make(ScalarType type, params long[] shape) => Make(type, shape, 5);

    /// <summary>The same, in which no two elements are one.</summary>
    public Tensor MakeWritable(ScalarType type, params long[] shape) => Make(type, shape, 4);

    /// <summary>The same, dense.</summary>
    public Tensor MakeDense(ScalarType type, params long[] shape) => Make(type, shape, 1);

    private Tensor Make(ScalarType type, long[] shape, int kinds)
    {
        using var scope = NewDisposeScope();
        var kind = shape.Length == 0 ? 0 : random.Next(kinds);
        var last = shape.Length - 1;
        switch (kind)
        {
            case 1 when last > 0:
                var order = Enumerable.Range(0, shape.Length).Select(i => (long)i).ToArray();
                random.Shuffle(order);
                var back = new long[order.Length];
                for (var i = 0; i < order.Length; i++) back[order[i]] = i;
                return Filled(type, [.. order.Select(d => shape[d])]).permute(back).MoveToOuterDisposeScope();
            case 2:
                var step = random.Next(2, 4);
                return Filled(type, [.. shape[..last], Math.Max(0, shape[last] * step)]).slice(last, 0, shape[last] * step, step)
                    .MoveToOuterDisposeScope();
            case 3:
                var before = random.Next(1, 3);
                return Filled(type, [shape[0] + before, .. shape[1..]]).narrow(0, before, shape[0]).MoveToOuterDisposeScope();
            case 4:
                var spread = random.Next(shape.Length);
                return Filled(type, [.. shape.Select((s, i) => i == spread ? 1 : s)]).expand(shape).MoveToOuterDisposeScope();
            default:
                return Filled(type, shape).MoveToOuterDisposeScope();
        }
    }

    public void Dispose()
    {
        foreach (var (start, length) in _maps) _ = munmap(start, length);
        _maps.Clear();
    }

    private Tensor Filled(ScalarType type, long[] shape)
    {
        var count = shape.Aggregate(1L, (a, b) => a * b);
        using var values = (rand([count], dtype: ScalarType.Float64, generator: new Generator((ulong)random.Next())) * 6 - 3).to(type);
        var tensor = Empty(type, shape, count);
        if (count > 0) tensor.copy_(values.reshape(shape));
        return tensor;
    }

    private Tensor Empty(ScalarType type, long[] shape, long count)
    {
        var bytes = count
            * (type switch
            {
                ScalarType.Float64 or ScalarType.Int64 => 8,
                ScalarType.Float32 => 4,
                ScalarType.BFloat16 => 2,
                _ => throw new NotSupportedException($"{type}"),
            });
        var pages = Math.Max(1, (bytes + Page - 1) / Page);
        var length = (nuint)((pages + 2) * Page);
        var start = mmap(0, length, ReadWrite, PrivateAnonymous, -1, 0);
        if (start == -1) throw new InvalidOperationException("mmap fails");
        _maps.Add((start, length));
        if (mprotect(start, Page, 0) != 0 || mprotect(start + (nint)((pages + 1) * Page), Page, 0) != 0)
            throw new InvalidOperationException("mprotect fails");
        var first = start + Page;
        var data = random.Next(3) == 0 ? first : first + (nint)((pages * Page) - bytes);
        fixed (long* sizes = shape)
        {
            long none = 0;
            var made = THSTensor_new(data, &Leave, (nint)(sizes == null ? &none : sizes), shape.Length, (sbyte)type, (sbyte)type, 0, 0, 0);
            return made != 0 ? Tensor.UnsafeCreateTensor(made) : throw new InvalidOperationException("no tensor");
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Leave(nint data)
    {
    }

    [DllImport("LibTorchSharp")]
    private static extern nint THSTensor_new(nint data, delegate* unmanaged[Cdecl]<nint, void> deleter, nint sizes, int dimensions,
        sbyte type, sbyte wanted, int device, int index, byte gradient);

    [DllImport("libc")]
    private static extern nint mmap(nint address, nuint length, int protection, int flags, int file, long offset);

    [DllImport("libc")]
    private static extern int mprotect(nint address, nuint length, int protection);

    [DllImport("libc")]
    private static extern int munmap(nint address, nuint length);
}

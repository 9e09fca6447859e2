using System.Runtime.Intrinsics;
using Cresset.Kernels;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// The sum of squares over many CPU tensors: float64 accumulation in a fixed order of fixed blocks, so the same bits at any thread count.
/// </summary>
internal static class SquaredSum
{
    public static double Of(IReadOnlyList<Tensor> tensors, int threads)
    {
        var work = new WorkList();
        var addresses = new IntPtr[tensors.Count];
        var types = new ScalarType[tensors.Count];
        for (var i = 0; i < tensors.Count; i++)
        {
            types[i] = tensors[i].dtype;
            var elements = tensors[i].numel();
            addresses[i] = TensorView.Address(tensors[i], types[i], elements);
            work.Add(elements);
        }
        var partial = new double[work.PieceCount];
        work.Run(threads, (piece, item, from, count) => partial[piece] = types[item] switch
        {
            ScalarType.Float64 => Doubles(addresses[item], from, count),
            ScalarType.BFloat16 => Brains(addresses[item], from, count),
            _ => Singles(addresses[item], from, count),
        });
        GC.KeepAlive(tensors);
        var sum = 0.0;
        foreach (var p in partial) sum += p;
        return sum;
    }

    private static unsafe double Singles(IntPtr address, long from, long count)
    {
        var p = (float*)address + from;
        Vector512<double> a = default, b = default;
        long i = 0;
        for (; i + 16 <= count; i += 16)
        {
            Prefetch.Ahead(p + i);
            var (low, high) = Vector512.Widen(Vector512.Load(p + i));
            a = Vector512.FusedMultiplyAdd(low, low, a);
            b = Vector512.FusedMultiplyAdd(high, high, b);
        }
        var sum = Vector512.Sum(a + b);
        for (; i < count; i++) sum += (double)p[i] * p[i];
        return sum;
    }

    private static unsafe double Doubles(IntPtr address, long from, long count)
    {
        var p = (double*)address + from;
        Vector512<double> a = default;
        long i = 0;
        for (; i + 8 <= count; i += 8)
        {
            Prefetch.Ahead(p + i);
            var x = Vector512.Load(p + i);
            a = Vector512.FusedMultiplyAdd(x, x, a);
        }
        var sum = Vector512.Sum(a);
        for (; i < count; i++) sum += p[i] * p[i];
        return sum;
    }

    private static unsafe double Brains(IntPtr address, long from, long count)
    {
        var p = (ushort*)address + from;
        var sum = 0.0;
        for (long i = 0; i < count; i++)
        {
            var x = (double)BitConverter.Int32BitsToSingle(p[i] << 16);
            sum += x * x;
        }
        return sum;
    }
}

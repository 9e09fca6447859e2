using Cresset.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>What an autograd node needs of a kernel, without its type. Tensors are float32 on the CPU; results are contiguous.</summary>
internal abstract class FusedNode
{
    public bool GateFirst { get; init; } = true;

    public abstract Tensor Value(Tensor x);

    public abstract Tensor Gradient(Tensor x, Tensor g);

    public abstract Tensor Gate(Tensor a, Tensor b);

    public abstract (Tensor A, Tensor B) GateGradient(Tensor a, Tensor b, Tensor g);

    public abstract Tensor Packed(Tensor x);

    public abstract Tensor PackedGradient(Tensor x, Tensor g);

    public abstract Tensor Composed(Tensor x);
}

/// <summary>A kernel over the memory of tensors.</summary>
internal sealed unsafe class FusedNode<TKernel>(TKernel kernel, ActivationBuffers? buffers) : FusedNode
    where TKernel : struct, IFusedKernel
{
    public override Tensor Value(Tensor x)
    {
        using var scope = NewDisposeScope();
        x = x.contiguous();
        var y = Result(x.shape);
        nint px = (nint)TensorPointer.Of(x), py = (nint)TensorPointer.Of(y);
        var stream = Streams(x.numel());
        Chunks.Run(x.numel(), (start, count) => FusedLoops<TKernel>.Value(kernel, (float*)px + start, (float*)py + start, count, stream));
        return y.MoveToOuterDisposeScope();
    }

    public override Tensor Gradient(Tensor x, Tensor g)
    {
        using var scope = NewDisposeScope();
        (x, g) = (x.contiguous(), g.contiguous());
        var gx = Result(x.shape);
        nint px = (nint)TensorPointer.Of(x), pg = (nint)TensorPointer.Of(g), pgx = (nint)TensorPointer.Of(gx);
        var stream = Streams(x.numel());
        Chunks.Run(x.numel(), (start, count) => FusedLoops<TKernel>.Gradient(kernel, (float*)px + start, (float*)pg + start, (float*)pgx + start, count, stream));
        return gx.MoveToOuterDisposeScope();
    }

    public override Tensor Gate(Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        (a, b) = (a.contiguous(), b.contiguous());
        var y = Result(a.shape);
        nint pa = (nint)TensorPointer.Of(a), pb = (nint)TensorPointer.Of(b), py = (nint)TensorPointer.Of(y);
        var stream = Streams(a.numel());
        Chunks.Run(a.numel(), (start, count) => FusedLoops<TKernel>.Gate(kernel, (float*)pa + start, (float*)pb + start, (float*)py + start, count, stream));
        return y.MoveToOuterDisposeScope();
    }

    public override (Tensor A, Tensor B) GateGradient(Tensor a, Tensor b, Tensor g)
    {
        using var scope = NewDisposeScope();
        (a, b, g) = (a.contiguous(), b.contiguous(), g.contiguous());
        var (ga, gb) = (Result(a.shape), Result(a.shape));
        nint pa = (nint)TensorPointer.Of(a), pb = (nint)TensorPointer.Of(b), pg = (nint)TensorPointer.Of(g);
        nint pga = (nint)TensorPointer.Of(ga), pgb = (nint)TensorPointer.Of(gb);
        var stream = Streams(a.numel());
        Chunks.Run(a.numel(), (s, count) => FusedLoops<TKernel>.GateGradient(kernel, (float*)pa + s, (float*)pb + s, (float*)pg + s, (float*)pga + s, (float*)pgb + s, count, stream));
        return (ga.MoveToOuterDisposeScope(), gb.MoveToOuterDisposeScope());
    }

    public override Tensor Packed(Tensor x)
    {
        using var scope = NewDisposeScope();
        x = x.contiguous();
        var width = x.size(-1) / 2;
        var y = Result([.. x.shape[..^1], width]);
        nint px = (nint)TensorPointer.Of(x), py = (nint)TensorPointer.Of(y);
        var (gate, value) = GateFirst ? (0L, width) : (width, 0L);
        var stream = Streams(y.numel());
        Chunks.Run(y.numel() / width, Rows, width);
        return y.MoveToOuterDisposeScope();

        void Rows(long start, long count)
        {
            for (var r = start; r < start + count; r++)
            {
                var row = (float*)px + (2 * width * r);
                FusedLoops<TKernel>.Gate(kernel, row + gate, row + value, (float*)py + (width * r), width, stream);
            }
        }
    }

    public override Tensor PackedGradient(Tensor x, Tensor g)
    {
        using var scope = NewDisposeScope();
        (x, g) = (x.contiguous(), g.contiguous());
        var width = x.size(-1) / 2;
        var gx = Result(x.shape);
        nint px = (nint)TensorPointer.Of(x), pg = (nint)TensorPointer.Of(g), pgx = (nint)TensorPointer.Of(gx);
        var (gate, value) = GateFirst ? (0L, width) : (width, 0L);
        var stream = Streams(gx.numel());
        Chunks.Run(g.numel() / width, Rows, width);
        return gx.MoveToOuterDisposeScope();

        void Rows(long start, long count)
        {
            for (var r = start; r < start + count; r++)
            {
                var row = 2 * width * r;
                FusedLoops<TKernel>.GateGradient(kernel, (float*)px + row + gate, (float*)px + row + value, (float*)pg + (width * r), (float*)pgx + row + gate, (float*)pgx + row + value, width, stream);
            }
        }
    }

    public override Tensor Composed(Tensor x) => kernel.Composed(x);

    /// <summary>New memory that comes straight from the system is cleared page by page as it is touched, which leaves it in the caches: only memory that was used before gains from writing past them.</summary>
    private bool Streams(long elements) => Chunks.Streams(elements) && (buffers is not null || NativeRuntime.Allocator.Tuned);

    private Tensor Result(long[] shape) => buffers is null ? empty(shape, dtype: ScalarType.Float32) : buffers.Rent(shape);
}

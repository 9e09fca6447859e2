using Cresset.Kernels;
using Cresset.Tensors;
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
internal sealed unsafe class FusedNode<TKernel>(TKernel kernel, Func<Tensor, Tensor> composed, ActivationBuffers? buffers) : FusedNode
    where TKernel : struct, ILaneFunction
{
    // A call of so few values is over before a scope, a closure and a look at the threads would be; one chunk in any case.
    private const long Small = 1 << 15;

    public override Tensor Value(Tensor x)
    {
        if (IsSmall(x))
        {
            var made = TensorView.NewLike<float>(x);
            using TensorView<float> near = TensorView.Dense<float>(x), into = TensorView.Dense<float>(made, near.Count);
            ActivationLoops<TKernel>.Value(kernel, near.Start, into.Start, near.Count, stream: false);
            return made;
        }
        using var scope = NewDisposeScope();
        x = x.contiguous();
        var y = Result(x.shape);
        using TensorView<float> from = TensorView.Dense<float>(x), to = TensorView.Dense<float>(y, from.Count);
        var stream = TensorWork.Streams(from.Count, buffers is not null);
        TensorWork.Chunks(from.Count,
            (start, count) => ActivationLoops<TKernel>.Value(kernel, from.Start + start, to.Start + start, count, stream));
        return y.MoveToOuterDisposeScope();
    }

    public override Tensor Gradient(Tensor x, Tensor g)
    {
        if (IsSmall(x) && g.is_contiguous())
        {
            var made = TensorView.NewLike<float>(x);
            using TensorView<float> near = TensorView.Dense<float>(x), by = TensorView.Dense<float>(g, near.Count),
                into = TensorView.Dense<float>(made, near.Count);
            ActivationLoops<TKernel>.Gradient(kernel, near.Start, by.Start, into.Start, near.Count, stream: false);
            return made;
        }
        using var scope = NewDisposeScope();
        (x, g) = (x.contiguous(), g.contiguous());
        var gx = Result(x.shape);
        using TensorView<float> at = TensorView.Dense<float>(x), up = TensorView.Dense<float>(g, at.Count),
            to = TensorView.Dense<float>(gx, at.Count);
        var stream = TensorWork.Streams(at.Count, buffers is not null);
        TensorWork.Chunks(at.Count,
            (start, count) =>
                ActivationLoops<TKernel>.Gradient(kernel, at.Start + start, up.Start + start, to.Start + start, count, stream));
        return gx.MoveToOuterDisposeScope();
    }

    public override Tensor Gate(Tensor a, Tensor b)
    {
        if (IsSmall(a) && b.is_contiguous())
        {
            var made = TensorView.NewLike<float>(a);
            using TensorView<float> left = TensorView.Dense<float>(a), right = TensorView.Dense<float>(b, left.Count),
                into = TensorView.Dense<float>(made, left.Count);
            ActivationLoops<TKernel>.Gate(kernel, left.Start, right.Start, into.Start, left.Count, stream: false);
            return made;
        }
        using var scope = NewDisposeScope();
        (a, b) = (a.contiguous(), b.contiguous());
        var y = Result(a.shape);
        using TensorView<float> gate = TensorView.Dense<float>(a), value = TensorView.Dense<float>(b, gate.Count),
            to = TensorView.Dense<float>(y, gate.Count);
        var stream = TensorWork.Streams(gate.Count, buffers is not null);
        TensorWork.Chunks(gate.Count,
            (start, count) =>
                ActivationLoops<TKernel>.Gate(kernel, gate.Start + start, value.Start + start, to.Start + start, count, stream));
        return y.MoveToOuterDisposeScope();
    }

    public override (Tensor A, Tensor B) GateGradient(Tensor a, Tensor b, Tensor g)
    {
        if (IsSmall(a) && b.is_contiguous() && g.is_contiguous())
        {
            var (madeA, madeB) = (TensorView.NewLike<float>(a), TensorView.NewLike<float>(a));
            using TensorView<float> left = TensorView.Dense<float>(a), right = TensorView.Dense<float>(b, left.Count),
                by = TensorView.Dense<float>(g, left.Count);
            using TensorView<float> intoA = TensorView.Dense<float>(madeA, left.Count), intoB = TensorView.Dense<float>(madeB, left.Count);
            ActivationLoops<TKernel>.GateGradient(kernel, left.Start, right.Start, by.Start, intoA.Start, intoB.Start, left.Count,
                stream: false);
            return (madeA, madeB);
        }
        using var scope = NewDisposeScope();
        (a, b, g) = (a.contiguous(), b.contiguous(), g.contiguous());
        var (ga, gb) = (Result(a.shape), Result(a.shape));
        using TensorView<float> gate = TensorView.Dense<float>(a), value = TensorView.Dense<float>(b, gate.Count),
            up = TensorView.Dense<float>(g, gate.Count);
        using TensorView<float> toA = TensorView.Dense<float>(ga, gate.Count), toB = TensorView.Dense<float>(gb, gate.Count);
        var stream = TensorWork.Streams(gate.Count, buffers is not null);
        TensorWork.Chunks(
            gate.Count,
            (s, count) =>
                ActivationLoops<TKernel>.GateGradient(kernel, gate.Start + s, value.Start + s, up.Start + s, toA.Start + s, toB.Start + s,
                    count, stream));
        return (ga.MoveToOuterDisposeScope(), gb.MoveToOuterDisposeScope());
    }

    public override Tensor Packed(Tensor x)
    {
        using var scope = NewDisposeScope();
        x = x.contiguous();
        var width = x.size(-1) / 2;
        var y = Result([.. x.shape[..^1], width]);
        using TensorView<float> from = TensorView.Dense<float>(x), to = TensorView.Dense<float>(y, from.Count / 2);
        var (gate, value) = GateFirst ? (0L, width) : (width, 0L);
        var stream = TensorWork.Streams(to.Count, buffers is not null);
        TensorWork.Chunks(to.Count / width, Rows, width);
        return y.MoveToOuterDisposeScope();

        void Rows(long start, long count)
        {
            for (var r = start; r < start + count; r++)
            {
                var row = from.Start + (2 * width * r);
                ActivationLoops<TKernel>.Gate(kernel, row + gate, row + value, to.Start + (width * r), width, stream);
            }
        }
    }

    public override Tensor PackedGradient(Tensor x, Tensor g)
    {
        using var scope = NewDisposeScope();
        (x, g) = (x.contiguous(), g.contiguous());
        var width = x.size(-1) / 2;
        var gx = Result(x.shape);
        using TensorView<float> at = TensorView.Dense<float>(x), up = TensorView.Dense<float>(g, at.Count / 2),
            to = TensorView.Dense<float>(gx, at.Count);
        var (gate, value) = GateFirst ? (0L, width) : (width, 0L);
        var stream = TensorWork.Streams(to.Count, buffers is not null);
        TensorWork.Chunks(up.Count / width, Rows, width);
        return gx.MoveToOuterDisposeScope();

        void Rows(long start, long count)
        {
            for (var r = start; r < start + count; r++)
            {
                var row = 2 * width * r;
                float* from = at.Start + row, into = to.Start + row;
                ActivationLoops<TKernel>.GateGradient(kernel, from + gate, from + value, up.Start + (width * r), into + gate, into + value,
                    width, stream);
            }
        }
    }

    public override Tensor Composed(Tensor x) => composed(x);

    private bool IsSmall(Tensor x) => buffers is null && x.numel() <= Small && x.is_contiguous();

    private Tensor Result(long[] shape) => buffers is null ? TensorView.New<float>(shape) : buffers.Rent(shape);
}

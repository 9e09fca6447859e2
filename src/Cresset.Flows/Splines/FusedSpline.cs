using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A spline's value, inverse and derivatives in one pass over float32 memory; the arithmetic is float64.</summary>
internal sealed unsafe class SplinePass(RationalQuadraticSpline spline, bool inverse)
{
    private const int Width = 8;
    private readonly SplineLanes _lanes = new(spline.Options);
    private readonly int _count = spline.Options.RawCount;

    /// <summary>Whether this pass can take the tensors.</summary>
    public static bool Fits(Tensor value, Tensor raw)
        => Vector256.IsHardwareAccelerated && TensorView.Holds<float>(value) && TensorView.Holds<float>(raw) && value.numel() > 0;

    /// <summary>Values [...] and raw parameters [..., P] to results and log-derivatives [...].</summary>
    public (Tensor Result, Tensor Log) Run(Tensor value, Tensor raw)
    {
        using var scope = NewDisposeScope();
        (value, raw) = (value.contiguous(), raw.contiguous());
        Tensor result = TensorView.New<float>(value.shape), log = TensorView.New<float>(value.shape);
        using TensorView<float> v = TensorView.Dense<float>(value), r = TensorView.Dense<float>(raw, v.Count * _count),
            o = TensorView.Dense<float>(result, v.Count), l = TensorView.Dense<float>(log, v.Count);
        TensorWork.Chunks(v.Count,
            (start, count) => Values(v.Start + start, r.Start + start * _count, o.Start + start, l.Start + start, count), _count);
        return (result.MoveToOuterDisposeScope(), log.MoveToOuterDisposeScope());
    }

    /// <summary>Gradients by values and raw parameters, from those by results and log-derivatives.</summary>
    public (Tensor Value, Tensor Raw) Gradient(Tensor value, Tensor raw, Tensor result, Tensor log)
    {
        using var scope = NewDisposeScope();
        (value, raw, result, log) = (value.contiguous(), raw.contiguous(), result.contiguous(), log.contiguous());
        Tensor gv = TensorView.New<float>(value.shape), gr = TensorView.New<float>(raw.shape);
        using TensorView<float> v = TensorView.Dense<float>(value), r = TensorView.Dense<float>(raw, v.Count * _count),
            o = TensorView.Dense<float>(result, v.Count), l = TensorView.Dense<float>(log, v.Count);
        using TensorView<float> pv = TensorView.Dense<float>(gv, v.Count), pr = TensorView.Dense<float>(gr, r.Count);
        TensorWork.Chunks(
            v.Count,
            (start, count) =>
                Gradients(v.Start + start, r.Start + start * _count, o.Start + start, l.Start + start, pv.Start + start,
                    pr.Start + start * _count, count),
            _count);
        return (gv.MoveToOuterDisposeScope(), gr.MoveToOuterDisposeScope());
    }

    /// <summary>The same by libtorch's operations.</summary>
    public (Tensor Result, Tensor Log) Composed(Tensor value, Tensor raw) =>
        inverse ? spline.ComposedInverse(value, raw) : spline.ComposedForward(value, raw);

    private void Values(float* value, float* raw, float* result, float* log, long count)
    {
        using var room = new Room(_count + _lanes.Scratch);
        var memory = room.Start;
        var shares = memory + _count;
        for (long i = 0; i < count; i += Width)
        {
            var some = (int)Math.Min(Width, count - i);
            var x = Load(value + i, some);
            Transpose(raw + i * _count, memory, some);
            _lanes.Locate(x, memory, shares, inverse, out var bin);
            Vector512<double> y, slope;
            if (inverse) SplineLanes.Inverse(bin, out y, out slope);
            else SplineLanes.Forward(bin, out y, out slope);
            Store(Vector512.ConditionalSelect(bin.Inside, y, x), result + i, some);
            Store(bin.Inside & slope, log + i, some);
        }
    }

    private void Gradients(float* value, float* raw, float* gResult, float* gLog, float* gValue, float* gRaw, long count)
    {
        using var room = new Room(2 * _count + _lanes.Scratch);
        var memory = room.Start;
        Vector512<double>* into = memory + _count, shares = into + _count;
        for (long i = 0; i < count; i += Width)
        {
            var some = (int)Math.Min(Width, count - i);
            Vector512<double> x = Load(value + i, some), gy = Load(gResult + i, some), gl = Load(gLog + i, some);
            Transpose(raw + i * _count, memory, some);
            _lanes.Locate(x, memory, shares, inverse, out var bin);
            SplineLanes.Slopes slopes;
            Vector512<double> gx;
            if (inverse)
            {
                // x = f^-1(y): dx = (dy - f_raw draw) / f', and the log-derivative is minus that of f at x.
                SplineLanes.Inverse(bin, out bin.Value, out var log);
                SplineLanes.Backward(bin, Vector512<double>.Zero, Vector512<double>.One, out var bend);
                gx = (gy - gl * bend.X) * Vector512.Exp(log);
                SplineLanes.Backward(bin, -gx, -gl, out slopes);
            }
            else
            {
                SplineLanes.Backward(bin, gy, gl, out slopes);
                gx = slopes.X;
            }
            _lanes.ToRaw(bin, slopes, memory, shares, into);
            Store(Vector512.ConditionalSelect(bin.Inside, gx, gy), gValue + i, some);
            Scatter(into, gRaw + i * _count, some);
        }
    }

    /// <summary>Registers in memory: as many as a spline has parameters, so that they do not lie on the stack.</summary>
    private readonly ref struct Room(int count)
    {
        public Vector512<double>* Start { get; } =
            (Vector512<double>*)NativeMemory.AlignedAlloc((nuint)count * (nuint)sizeof(Vector512<double>), 64);

        public void Dispose() => NativeMemory.AlignedFree(Start);
    }

    private static Vector512<double> Load(float* from, int some)
    {
        var lanes = stackalloc double[Width];
        for (var i = 0; i < Width; i++) lanes[i] = from[Math.Min(i, some - 1)];
        return Vector512.Load(lanes);
    }

    private static void Store(Vector512<double> value, float* to, int some)
    {
        for (var i = 0; i < some; i++) to[i] = (float)value[i];
    }

    private void Transpose(float* rows, Vector512<double>* columns, int some)
    {
        var to = (double*)columns;
        for (var lane = 0; lane < Width; lane++)
        {
            var row = rows + (long)Math.Min(lane, some - 1) * _count;
            for (var j = 0; j < _count; j++) to[j * Width + lane] = row[j];
        }
    }

    private void Scatter(Vector512<double>* columns, float* rows, int some)
    {
        var from = (double*)columns;
        for (var lane = 0; lane < some; lane++)
        {
            var row = rows + (long)lane * _count;
            for (var j = 0; j < _count; j++) row[j] = (float)from[j * Width + lane];
        }
    }
}

/// <summary>
/// A spline pass with its gradients; keeps values and raw parameters. Second derivatives go through libtorch's operations.
/// </summary>
internal sealed class FusedSpline(SplinePass pass) : DifferentiableOperation
{
    protected override Tensor[] Forward(Tensor[] inputs)
    {
        var (result, log) = pass.Run(inputs[0], inputs[1]);
        return [result, log];
    }

    protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients)
    {
        Tensor result = gradients[0] ?? Zeros(0), log = gradients[1] ?? Zeros(1);
        if (is_grad_enabled()) return Differentiable(saved, result, log);
        var (value, raw) = pass.Gradient(saved[0], saved[1], result, log);
        return [value, raw];
    }

    private Tensor?[] Differentiable(Tensor[] saved, Tensor resultGradient, Tensor logGradient)
    {
        using var grad = enable_grad();
        var (result, log) = pass.Composed(saved[0], saved[1]);
        var wanted = Array.FindAll(saved, s => s.requires_grad);
        var found = Derivatives.Of([result, log], wanted, [resultGradient, logGradient], createGraph: true);
        var next = 0;
        return Array.ConvertAll(saved, s => s.requires_grad ? found[next++] : null);
    }
}

using System.Runtime.Intrinsics;
using Cresset.Nn;
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
        => value.dtype == ScalarType.Float32 && raw.dtype == ScalarType.Float32 && value.device_type == DeviceType.CPU && raw.device_type == DeviceType.CPU
            && value.numel() > 0 && Vector256.IsHardwareAccelerated;

    /// <summary>Values [...] and raw parameters [..., P] to results and log-derivatives [...].</summary>
    public (Tensor Result, Tensor Log) Run(Tensor value, Tensor raw)
    {
        using var scope = NewDisposeScope();
        (value, raw) = (value.contiguous(), raw.contiguous());
        Tensor result = empty(value.shape, dtype: ScalarType.Float32), log = empty(value.shape, dtype: ScalarType.Float32);
        nint v = (nint)TensorPointer.Of(value), r = (nint)TensorPointer.Of(raw), o = (nint)TensorPointer.Of(result), l = (nint)TensorPointer.Of(log);
        Chunks.Run(value.numel(), (start, count) => Values((float*)v + start, (float*)r + start * _count, (float*)o + start, (float*)l + start, count), _count);
        return (result.MoveToOuterDisposeScope(), log.MoveToOuterDisposeScope());
    }

    /// <summary>Gradients by values and raw parameters, from those by results and log-derivatives.</summary>
    public (Tensor Value, Tensor Raw) Gradient(Tensor value, Tensor raw, Tensor result, Tensor log)
    {
        using var scope = NewDisposeScope();
        (value, raw, result, log) = (value.contiguous(), raw.contiguous(), result.contiguous(), log.contiguous());
        Tensor gv = empty(value.shape, dtype: ScalarType.Float32), gr = empty(raw.shape, dtype: ScalarType.Float32);
        nint v = (nint)TensorPointer.Of(value), r = (nint)TensorPointer.Of(raw), o = (nint)TensorPointer.Of(result), l = (nint)TensorPointer.Of(log);
        nint pv = (nint)TensorPointer.Of(gv), pr = (nint)TensorPointer.Of(gr);
        Chunks.Run(
            value.numel(),
            (start, count) => Gradients((float*)v + start, (float*)r + start * _count, (float*)o + start, (float*)l + start, (float*)pv + start, (float*)pr + start * _count, count),
            _count);
        return (gv.MoveToOuterDisposeScope(), gr.MoveToOuterDisposeScope());
    }

    /// <summary>The same by libtorch's operations.</summary>
    public (Tensor Result, Tensor Log) Composed(Tensor value, Tensor raw) => inverse ? spline.ComposedInverse(value, raw) : spline.ComposedForward(value, raw);

    private void Values(float* value, float* raw, float* result, float* log, long count)
    {
        var memory = stackalloc Vector512<double>[_count + _lanes.Scratch];
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
        var memory = stackalloc Vector512<double>[2 * _count + _lanes.Scratch];
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

/// <summary>A spline pass as an autograd node; keeps values and raw parameters. Second derivatives go through libtorch's operations.</summary>
internal sealed class FusedSpline : autograd.MultiTensorFunction<FusedSpline>
{
    public override string Name => nameof(FusedSpline);

    public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (value, raw, pass) = ((Tensor)vars[0], (Tensor)vars[1], (SplinePass)vars[2]);
        ctx.save_for_backward([value, raw]);
        ctx.save_data("pass", pass);
        // TorchSharp cannot make the zeros itself for an output that nothing used: it ends the process.
        ctx.set_materialize_grads(false);
        var (result, log) = pass.Run(value, raw);
        return [result, log];
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
    {
        var saved = ctx.get_saved_variables();
        var pass = (SplinePass)ctx.get_data("pass");
        var result = FusedBackward.Guard(
            () =>
            {
                using var scope = NewDisposeScope();
                // An output that nothing used has no gradient.
                List<Tensor> gradients = [.. grad_outputs.Select(g => g is { IsInvalid: false } ? g : zeros_like(saved[0]))];
                List<Tensor> found;
                if (is_grad_enabled())
                {
                    found = Differentiable(pass, saved, gradients);
                }
                else
                {
                    var (value, raw) = pass.Gradient(saved[0], saved[1], gradients[0], gradients[1]);
                    found = [value, raw];
                }
                foreach (var tensor in found) tensor?.MoveToOuterDisposeScope();
                return [.. found, null!];
            },
            saved,
            1);
        foreach (var tensor in saved) tensor.Dispose();
        foreach (var tensor in grad_outputs)
        {
            if (tensor is { IsInvalid: false }) tensor.Dispose();
        }
        return result;
    }

    private static List<Tensor> Differentiable(SplinePass pass, List<Tensor> saved, List<Tensor> gradients)
    {
        using var grad = enable_grad();
        var (result, log) = pass.Composed(saved[0], saved[1]);
        var wanted = saved.Where(s => s.requires_grad).ToArray();
        var found = autograd.grad([result, log], wanted, gradients, create_graph: true, retain_graph: true, allow_unused: true);
        result.Dispose();
        log.Dispose();
        var next = 0;
        return [.. saved.Select(s => s.requires_grad ? found[next++] : null!)];
    }
}

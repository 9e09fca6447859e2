using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cresset.Optim;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Optim;

/// <summary>The limit: reads and writes the same memory as AdamW through the same driver, with one addition instead of the mathematics.</summary>
internal sealed class TrafficOnly : IDisposable
{
    private readonly CopyOptimizer _optimizer;
    private readonly WeightAverage? _average;
    private readonly GradientClipping? _clip;

    public TrafficOnly(OptimizerSteps.Weights weights, bool pipeline, int threads)
    {
        _optimizer = new CopyOptimizer(weights.Groups) { Threads = threads };
        _average = pipeline ? new WeightAverage(weights.Named, WeightAverageOptions.Ema(0.999)) : null;
        _clip = pipeline ? GradientClipping.MeasureOnly() : null;
    }

    public void Step() => _optimizer.Step(_clip, average: _average);

    public void Dispose()
    {
        _optimizer.Dispose();
        _average?.Dispose();
    }

    private sealed record CopyOptions : OptimizerOptions
    {
        protected override void Check(Cresset.Numerics.OptionChecks checks)
        {
        }
    }

    private sealed class CopyOptimizer(IEnumerable<ParameterGroupSpec> groups) : Optimizer(groups, new CopyOptions())
    {
        protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
        {
            state.Fill("a", parameter);
            state.Fill("b", parameter);
        }

        protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
            => throw new InvalidOperationException("Only the kernel is measured.");

        private protected override FusedBatch? CreateBatch() => new FusedBatch<int, CopyLanes<float>, CopyLanes<double>>();

        private protected override bool TryFuse(FusedBatch batch, in ActiveParameter item)
        {
            ((FusedBatch<int, CopyLanes<float>, CopyLanes<double>>)batch).Add(item, 0, item.State["a"], item.State["b"]);
            return true;
        }
    }

    internal readonly struct CopyLanes<T> : IFusedRule<T, int, CopyLanes<T>>
        where T : unmanaged, System.Numerics.INumber<T>
    {
        private readonly Vector512<T> _tiny;

        private CopyLanes(Vector512<T> tiny) => _tiny = tiny;

        public static CopyLanes<T> Create(in int scalars) => new(Vector512.Create(T.CreateTruncating(1e-30)));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Update(ref Vector512<T> parameter, Vector512<T> gradient, ref Vector512<T> state0, ref Vector512<T> state1, ref Vector512<T> state2)
        {
            parameter += _tiny * gradient;
            state0 += _tiny;
            state1 += _tiny;
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cresset.Optim;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Optim;

/// <summary>
/// The limit: reads and writes the same memory as AdamW through the same driver, with one addition instead of the mathematics.
/// </summary>
internal sealed class TrafficOnly : IDisposable
{
    private readonly Optimizer _optimizer;
    private readonly WeightAverage? _average;
    private readonly GradientClipping? _clip;

    public TrafficOnly(OptimizerSteps.Weights weights, bool pipeline, int threads)
    {
        _optimizer = new Optimizer(weights.Groups, new CopyRule()) { Threads = threads };
        _average = pipeline ? new WeightAverage(weights.Named, WeightAverageOptions.Ema(0.999)) : null;
        _clip = pipeline ? GradientClipping.MeasureOnly() : null;
    }

    public void Step() => _optimizer.Step(_clip, average: _average);

    public void Dispose()
    {
        _optimizer.Dispose();
        _average?.Dispose();
    }

    private sealed record CopyRule : OptimizerRule
    {
        protected internal override void Start(in Slot s) => s.Zeros("a", "b");

        protected internal override void Update(in Slot s) => throw new InvalidOperationException("Only the kernel is measured.");

        internal override FusedBatch? CreateBatch() => new FusedBatch<int, CopyLanes<float>, CopyLanes<double>>();

        internal override bool TryFuse(FusedBatch batch, in ActiveParameter item)
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
        public void Update(ref Vector512<T> parameter, Vector512<T> gradient, ref Vector512<T> state0, ref Vector512<T> state1,
            ref Vector512<T> state2)
        {
            parameter += _tiny * gradient;
            state0 += _tiny;
            state1 += _tiny;
        }
    }
}

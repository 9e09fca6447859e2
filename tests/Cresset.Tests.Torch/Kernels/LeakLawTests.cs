using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Cresset.Flows;
using Cresset.Nn;
using Cresset.Quantization;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Kernels;

/// <summary>
/// A loop that disposes of what it was given, and opens no scope, holds no more memory after many steps than after a few: as with
/// TorchSharp's own operations, whose count is the first case. <c>CRESSET_TEST_LEAK_STEPS</c> makes the loops long.
/// </summary>
public sealed class LeakLawTests
{
    private static readonly int Steps = Environment.GetEnvironmentVariable("CRESSET_TEST_LEAK_STEPS") is { } text
        ? int.Parse(text, CultureInfo.InvariantCulture) : 200;

    private static readonly RationalQuadraticSpline Spline = new(new SplineOptions { Low = -3, High = 3, Bins = 8 });

    private static readonly LuLinear Chain = new(8);

    /// <summary>By the operation's type: inputs, and results that are the caller's.</summary>
    private static readonly Dictionary<string, (long[][] Inputs, Func<Tensor[], Tensor[]> Run, bool Twice)> Operations = new()
    {
        ["TorchSharp"] = ([[64, 512]], x => [nn.functional.silu(x[0])], true),
        [nameof(FusedUnary)] = ([[64, 512]], x => [Cresset.Nn.Activations.Silu(x[0])], true),
        [nameof(FusedPair)] = ([[64, 512], [64, 512]], x => [GatedUnits.Apply(x[0], x[1])], true),
        [nameof(FusedPacked)] = ([[64, 512]], x => [GatedUnits.Apply(x[0], "silu")], true),
        [nameof(Resample)] = ([[1, 2, 128, 128]], x => [Upsample.Apply(x[0], [96, 200], mode: ResizeMode.Bilinear)], true),
        [nameof(Shuffled)] = ([[2, 16, 32, 32]], x => [PixelShuffle.Apply(x[0], 2)], true),
        [nameof(Reassembled)] = ([[1, 32, 16, 16], [1, 9, 32, 32]], x => [Carafe.Reassemble(x[0], x[1], 3)], false),
        [nameof(StraightThrough)] = ([[512, 64], [512, 64]], x => [StraightThrough.Apply(x[0], x[1])], false),
        [nameof(StraightThroughCommitment)] = ([[512, 64], [512, 64]], x => Two(StraightThroughCommitment.Apply(x[0], x[1])), false),
        [nameof(SquaredDifference)] = ([[512, 64], [512, 64]], x => [SquaredDifference.Mean(x[0], x[1])], false),
        [nameof(RotationTrick)] = ([[512, 64], [512, 64]], x => [RotationTrick.Apply(x[0], x[1])], false),
        [nameof(FusedRmsNorm)] = ([[64, 512], [512]], x => [RmsNorm.Apply(x[0], x[1])], true),
        [nameof(FusedSpline)] = ([[256, 4], [256, 4, Spline.Options.RawCount]], x => Two(Spline.Forward(x[0], x[1])), true),
        [nameof(AdjointFunction)] = ([[256, 32], [32, 32]], x => [Solve(x, OdeGradient.Adjoint)], false),
        [nameof(CheckpointFunction)] = ([[256, 32], [32, 32]], x => [Solve(x, OdeGradient.Checkpoint)], false),
        [nameof(Recomputation)] = ([[64, 512]], x => [Recomputation.Call([], i => i[0].sigmoid().tanh(), x[0])], false),
        [nameof(ReversibleChain)] = ([[512, 8]], x => Two(ReversibleChain.Forward([Chain], x[0], null)), false),
    };

    public static TheoryData<string> Names => [.. Operations.Keys];

    public static TheoryData<string> TwiceDifferentiable => [.. Operations.Where(o => o.Value.Twice).Select(o => o.Key)];

    [Fact]
    public void EveryOperationOfOursHasACase()
    {
        var all =
            new[] { typeof(FusedUnary), typeof(FusedSpline), typeof(RotationTrick),
                typeof(DifferentiableOperation) }.Select(t => t.Assembly).Distinct()
            .SelectMany(a => a.GetTypes()).Where(t => !t.IsAbstract && t.IsSubclassOf(typeof(DifferentiableOperation)))
            .Select(t => t.Name == "Operation" ? t.DeclaringType!.Name : t.Name).ToHashSet();
        Assert.Equal(all.Order(), Operations.Keys.Where(k => k != "TorchSharp").Order());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ForwardAndBackwardWithoutAScopeKeepNothing(string name) => Loop(name, (inputs, results) =>
    {
        foreach (var y in results)
        {
            using var sum = y.sum();
            sum.backward(retain_graph: !ReferenceEquals(y, results[^1]));
        }
        foreach (var x in inputs)
        {
            using var g = x.grad;
            x.grad = null;
        }
    });

    [Theory]
    [MemberData(nameof(Names))]
    public void ForwardAloneKeepsNothing(string name) => Loop(name, (_, _) => { });

    [Theory]
    [MemberData(nameof(TwiceDifferentiable))]
    public void SecondDerivativesWithoutAScopeKeepNothing(string name) => Loop(name, (inputs, results) =>
    {
        using var square = results[0].square();
        using var sum = square.sum();
        var first = Derivatives.Of([sum], inputs, createGraph: true);
        using var slope = first[0]!.sum();
        slope.backward();
        foreach (var g in first) g!.Dispose();
        foreach (var x in inputs)
        {
            using var g = x.grad;
            x.grad = null;
        }
    });

    private static void Loop(string name, Action<Tensor[], Tensor[]> backward)
    {
        if (!OperatingSystem.IsLinux()) return;
        var (shapes, run, _) = Operations[name];
        var inputs = Array.ConvertAll(shapes, s => rand(s, requires_grad: true));
        var largest = 4 * shapes.Max(s => s.Aggregate(1L, (a, b) => a * b));
        for (var i = 0; i < 20; i++) Step();
        var tensors = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        // What is lost is lost in every part; what the runtime takes while it compiles is not.
        var moreBytes = long.MaxValue;
        for (var part = 0; part < 3; part++)
        {
            var bytes = Held();
            for (var i = 0; i < Steps; i++) Step();
            moreBytes = Math.Min(moreBytes, Held() - bytes);
        }
        var moreTensors = DisposeScopeManager.Statistics.ThreadTotalLiveCount - tensors;
        foreach (var x in inputs) x.Dispose();
        // Beside tensors a step leaves nodes of graphs, a few kilobytes, to the next collection.
        Assert.True(moreBytes < ((0.05 * largest) + 4096) * Steps,
            $"{name}: {Steps} steps hold {moreBytes:N0} bytes more; the largest input has {largest:N0}");
        Assert.True(moreTensors <= 3, $"{name}: {3 * Steps} steps leave {moreTensors} tensors");

        void Step()
        {
            var results = run(inputs);
            backward(inputs, results);
            foreach (var y in results) y.Dispose();
        }
    }

    private static Tensor[] Two((Tensor, Tensor) pair) => [pair.Item1, pair.Item2];

    private static Tensor Solve(Tensor[] x, OdeGradient gradient)
    {
        var (solution, _) = TrainableOde.Solve((_, y) => y.mm(x[1]), [x[1]], x[0], [0, 0.1],
            new OdeOptions { Method = OdeMethod.Midpoint, Steps = 2 }, gradient);
        return solution.States;
    }

    private static long Held()
    {
        var info = mallinfo2();
        return (long)(info.Used + info.Mapped);
    }

    [DllImport("libc")]
    private static extern MallInfo mallinfo2();

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct MallInfo
    {
        private readonly nuint _arena, _free, _small, _mappings;
        public readonly nuint Mapped;
        private readonly nuint _most, _smallFree;
        public readonly nuint Used;
        private readonly nuint _unused, _top;
    }
}

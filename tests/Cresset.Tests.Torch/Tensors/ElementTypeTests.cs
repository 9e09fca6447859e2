using Cresset.Optim;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Tensors;

/// <summary>Values that another element type does not hold are refused wherever they are loaded; rounding is said, not refused.</summary>
[LeakFree]
public sealed class ElementTypeTests : IDisposable
{
    private static readonly ScalarType[] Types =
    [
        ScalarType.Bool, ScalarType.Byte, ScalarType.Int8, ScalarType.Int16, ScalarType.Int32, ScalarType.Int64, ScalarType.Float16,
        ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64, ScalarType.ComplexFloat32, ScalarType.ComplexFloat64,
    ];

    private static readonly double[] Probes =
    [
        0, 1, -1, 2, 127, 128, -128, -129, 255, 256, 300, 32767, 32768, -32769, 65504, 65519, 65520, 70_000, 2147483647, 2147483648,
        -2147483649, 9.2e18, 9.3e18, 0.5, -0.25, 3.38e38, 3.3961775e38, 3.4e38, 3.4028235e38, 3.40282356e38, 3.5e38, 1e300, -1e300,
        double.PositiveInfinity, double.NegativeInfinity, double.NaN,
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-types-").FullName;

    public static TheoryData<ScalarType> All => [.. Types];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(All))]
    public void EveryValueIsJudgedAsTheConversionTreatsIt(ScalarType from)
    {
        foreach (var to in Types)
        {
            foreach (var probe in Probes)
            {
                using var scope = NewDisposeScope();
                // Whole numbers go the way of whole numbers: a double would round the largest.
                var wide = from is ScalarType.Int64 && Math.Abs(probe) < 9.22e18 ? tensor((long)probe) : tensor(probe);
                var value = wide.to(from).reshape(1);
                // What the first conversion broke was never a value of the type.
                if (IsWhole(from) && !value.to(ScalarType.Float64).eq(probe).item<bool>()) continue;
                var expected = Lost(value, to);
                var loss = TensorCasts.Loss(value, to);
                Assert.True(loss is not null == expected, $"{probe} as {from} into {to}: {loss ?? "kept"}");
            }
        }

        static bool Lost(Tensor value, ScalarType to)
        {
            var (before, after) = (value.to(ScalarType.ComplexFloat64).real, value.to(to).to(ScalarType.ComplexFloat64).real);
            if (IsWhole(to) || to == ScalarType.Bool)
            {
                return !before.eq(after).item<bool>()
                    || (value.dtype == ScalarType.Float64 && before.abs().ge(9.2233720368547758e18).item<bool>());
            }
            return before.isfinite().item<bool>() && !after.isfinite().item<bool>();
        }
    }

    [Fact]
    public void ImaginaryPartsAreNotDroppedSilently()
    {
        using var scope = NewDisposeScope();
        var value = complex(tensor(new[] { 1f, 2f }), tensor(new[] { 0f, -3f }));
        Assert.Contains("holds -3i at [1]", TensorCasts.Loss(value, ScalarType.Float32), StringComparison.Ordinal);
        Assert.Contains("holds -3i at [1]", TensorCasts.Loss(value, ScalarType.Int32), StringComparison.Ordinal);
        Assert.Null(TensorCasts.Loss(value, ScalarType.ComplexFloat64));
        Assert.Null(TensorCasts.Loss(complex(tensor(new[] { 1f }), tensor(new[] { 0f })), ScalarType.Float16));
    }

    [Fact]
    public void TheFirstValueIsNamedWithItsPlaceAcrossPieces()
    {
        using var scope = NewDisposeScope();
        var large = zeros(3, 700_001);
        large[2, 5] = -70_000f;
        large[2, 700_000] = 80_000f;
        Assert.Equal("holds -70000 at [2, 5] and 1 more such values, which Float16 does not hold (up to 65504)",
            TensorCasts.Loss(large, ScalarType.Float16));
        Assert.Equal("holds -70000 at [5, 2] and 1 more such values, which Float16 does not hold (up to 65504)",
            TensorCasts.Loss(large.t(), ScalarType.Float16));
    }

    [Theory]
    [InlineData(ScalarType.Float32, 70_000.0, ScalarType.Float16, "70000")]
    [InlineData(ScalarType.Int64, 300.0, ScalarType.Byte, "300")]
    [InlineData(ScalarType.Float32, 0.5, ScalarType.Int64, "0.5")]
    [InlineData(ScalarType.Int64, 2147483648.0, ScalarType.Int32, "2147483648")]
    [InlineData(ScalarType.Float64, 1e300, ScalarType.Float32, "1E+300")]
    [InlineData(ScalarType.Float32, 2.0, ScalarType.Bool, "2")]
    public void AStateIsRefusedWholeFromMemoryAndFromFiles(ScalarType from, double value, ScalarType to, string text)
    {
        using var scope = NewDisposeScope();
        using var module = new Holder(zeros(2), zeros([2], dtype: to));
        var state = new Dictionary<string, Tensor> { ["first"] = ones(2), ["second"] = tensor(new[] { 1, value }).to(from) };
        var path = Path.Combine(_folder, "a.safetensors");
        SafetensorsWriter.Write(path, state);
        foreach (var load in new Func<LoadReport>[] { () => StateDict.Load(module, state), () => StateDict.Load(module, path) })
        {
            var message = Assert.Throws<CheckpointException>(load).Message;
            Assert.Contains($"'second' holds {text} at [1], which {to} does not hold", message, StringComparison.Ordinal);
            Assert.Contains("Nothing was copied", message, StringComparison.Ordinal);
            Assert.Equal(0, StateDict.Of(module)["first"].sum().item<float>());
        }
    }

    [Fact]
    public void RoundingIsSaidInTheReport()
    {
        using var scope = NewDisposeScope();
        using var module = new Holder(zeros(2), zeros([2], dtype: ScalarType.BFloat16));
        var state = new Dictionary<string, Tensor> { ["first"] = ones(2), ["second"] = tensor(new[] { 1.001f, float.PositiveInfinity }) };
        Assert.Equal(["second: Float32 to BFloat16"], StateDict.Load(module, state).Converted);
        var path = Path.Combine(_folder, "b.safetensors");
        SafetensorsWriter.Write(path, state);
        var report = StateDict.Load(module, path);
        Assert.Equal(["second: F32 to BFloat16"], report.Converted);
        Assert.True(report.IsExact);
        Assert.Contains("second: F32 to BFloat16", report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void AModuleIsConvertedWholeOrNotAtAll()
    {
        using var scope = NewDisposeScope();
        using var module = new Holder(ones(2), tensor(new[] { 1f, 1e6f }));
        Assert.Contains("'second' holds 1000000 at [1]",
            Assert.Throws<NotSupportedException>(() => StateDict.Convert(module, ScalarType.Float16)).Message, StringComparison.Ordinal);
        Assert.All(StateDict.Of(module).Values, t => Assert.Equal(ScalarType.Float32, t.dtype));
        StateDict.Convert(module, ScalarType.BFloat16);
        Assert.All(StateDict.Of(module).Values, t => Assert.Equal(ScalarType.BFloat16, t.dtype));
    }

    [Fact]
    public void StatesOfOptimizersAndAveragesAreHeldToTheSameLaw()
    {
        using var scope = NewDisposeScope();
        using var p = new Parameter(zeros(2));
        NamedParameter[] all = [new("p", p)];
        using var optimizer = new Optimizer([new ParameterGroupSpec("g", all)], new AdamRule());
        p.grad = ones(2);
        optimizer.Step();
        using var state = optimizer.StateDict();
        var huge = tensor(new[] { 1, 1e300 });
        OptimizerState With(string slot) => state with { Tensors = new Dictionary<string, Tensor>(state.Tensors) { [slot] = huge } };
        foreach (var slot in new[] { "exp_avg/p", "exp_avg_sq/p" })
        {
            var message = Assert.Throws<ArgumentException>(() => optimizer.LoadStateDict(With(slot))).Message;
            Assert.Contains($"\"{slot}\" holds 1E+300 at [1], which Float32 does not hold", message, StringComparison.Ordinal);
        }
        foreach (var (key, steps) in new[] { ("step/p", 1.5), ("step/p", double.NaN), ("steps", double.PositiveInfinity), ("step/p", -1) })
        {
            var bad = state with { Scalars = new Dictionary<string, double>(state.Scalars) { [key] = steps } };
            Assert.Contains($"\"{key}\" is ", Assert.Throws<ArgumentException>(() => optimizer.LoadStateDict(bad)).Message,
                StringComparison.Ordinal);
        }
        Assert.Equal(1, optimizer.StepCount);
        using var average = new WeightAverage(all);
        average.Update();
        Assert.Contains("\"p\" holds 1E+300",
            Assert.Throws<ArgumentException>(() => average.LoadStateDict(new Dictionary<string, Tensor> { ["p"] = huge }, 3)).Message,
            StringComparison.Ordinal);
        Assert.Equal(1, average.Count);
        using var slow = new Lookahead(optimizer);
        Assert.Contains("\"p\" holds 1E+300",
            Assert.Throws<ArgumentException>(() => slow.LoadStateDict(new Dictionary<string, Tensor> { ["p"] = huge })).Message,
            StringComparison.Ordinal);
        p.grad = null;
    }

    private static bool IsWhole(ScalarType type) => type is ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32
        or ScalarType.Int64 or ScalarType.Bool;

    private sealed class Holder : nn.Module
    {
        public Holder(Tensor first, Tensor second)
            : base("holder")
        {
            register_buffer("first", first);
            register_buffer("second", second);
        }
    }
}

using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>
/// Every row of the catalog at the ends of the number types, on tensors of every layout, and where there is no memory to read.
/// </summary>
[LeakFree]
public sealed class ActivationExtremesTests
{
    private static readonly ScalarType[] Types = [ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16, ScalarType.Float16];

    public static TheoryData<string> Elementwise =>
        [.. ActivationCatalog.All.Where(a => a.Kind is ActivationKind.Elementwise or ActivationKind.Threshold or ActivationKind.Trainable)
            .Select(a => a.Name)];

    public static TheoryData<string> Normalizing =>
        [.. ActivationCatalog.All.Where(a => a.Kind is ActivationKind.Normalizing).Select(a => a.Name)];

    public static TheoryData<string> Gated => [.. ActivationCatalog.All.Where(a => a.Kind is ActivationKind.Gated).Select(a => a.Name)];

    public static TheoryData<string> Names => [.. ActivationCatalog.All.Select(a => a.Name)];

    /// <summary>What float32 gives at its ends is what float64, which has room there, gives, rounded.</summary>
    [Theory]
    [MemberData(nameof(Elementwise))]
    public void TheEndsOfFloat32AreThoseOfFloat64(string name)
    {
        using var scope = NewDisposeScope();
        using var module = Module(name, ScalarType.Float32);
        using var wide = Module(name, ScalarType.Float64);
        var at = tensor(
            new[] { float.MaxValue, -float.MaxValue, 3e38f, -3e38f, 1e20f, -1e20f, 1e10f, -1e10f, 1e5f, -1e5f, 200, -200, 1e-38f, -1e-38f,
                float.Epsilon, -float.Epsilon, 0f, -0f });
        var (y, slope) = ValueAndSlope(module, at);
        var (exact, exactSlope) = ValueAndSlope(wide, at.to(ScalarType.Float64));
        for (var i = 0; i < at.numel(); i++)
        {
            var x = at[i].ToDouble();
            Same(name, x, exact[i].ToDouble(), y[i].ToDouble());
            Same(name + "'", x, exactSlope[i].ToDouble(), slope[i].ToDouble());
        }
    }

    [Theory]
    [MemberData(nameof(Elementwise))]
    public void TheEndsOfEveryTypeAreNumbers(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var (type, most) in new[] { (ScalarType.Float64, 1.7e308), (ScalarType.Float64, 1e308), (ScalarType.Float64, 1e155),
            (ScalarType.BFloat16, 3.38e38), (ScalarType.BFloat16, 1e20), (ScalarType.Float16, 65504), (ScalarType.Float16, 300) })
        {
            using var module = Module(name, type);
            var (y, slope) = ValueAndSlope(module, tensor(new[] { most, -most }).to(type));
            Assert.Equal(type, y.dtype);
            for (var i = 0; i < 2; i++)
            {
                Assert.False(double.IsNaN(y[i].ToDouble()), $"{name}({(i == 0 ? most : -most)}) of {type} is NaN");
                Assert.False(double.IsNaN(slope[i].ToDouble()), $"{name}'({(i == 0 ? most : -most)}) of {type} is NaN");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Elementwise))]
    public void NaNStaysNaN(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var type in Types)
        {
            using var module = Module(name, type);
            foreach (var count in new[] { 1, 40 })
            {
                var nan = full(count, double.NaN, dtype: type);
                Assert.True(module.call(nan).isnan().all().ToBoolean(), $"{name}(NaN) of {type} is {module.call(nan)[0].ToDouble()}");
            }
        }
    }

    /// <summary>Left of 0 the formula cancels: what is left of it is b / (4 |x|).</summary>
    [Theory]
    [InlineData(-1e3)]
    [InlineData(-1e7)]
    [InlineData(-1e15)]
    public void SquareplusKeepsItsDigitsFarLeft(double x)
    {
        using var scope = NewDisposeScope();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            var exact = 2 / (Math.Sqrt((x * x) + 4) - x);
            Assert.Equal(1, Cresset.Nn.Activations.Squareplus(tensor(new[] { x }).to(type)).ToDouble() / exact, 1e-6);
        }
    }

    /// <summary>A row of the largest numbers is a row like any other, moved; one of NaN gives NaN.</summary>
    [Theory]
    [MemberData(nameof(Normalizing))]
    public void RowsAtTheEndsSumToOneOrAreRefused(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var type in Types)
        {
            using var module = Module(name, type);
            var most = type switch { ScalarType.Float64 => 1.7e308, ScalarType.Float16 => 65504, _ => 3.38e38 };
            double[][] rows = [[most, -most, 0, 1], [most, most, most, most], [-most, -most, -most, -most], [most, most / 2, 3, -1],
                [1000, 1001, 1002, 900]];
            foreach (var row in rows)
            {
                var (y, slope) = ValueAndSlope(module, tensor(row).to(type).unsqueeze(0));
                if (name == "relu2_norm" && row.Max() <= 0) continue;
                Assert.False(y.isnan().any().ToBoolean(),
                    $"{name}({string.Join(", ", row)}) of {type} is [{string.Join(", ", y.to(ScalarType.Float64).data<double>())}]");
                Assert.False(slope.isnan().any().ToBoolean(),
                    $"{name}'({string.Join(", ", row)}) of {type} is [{string.Join(", ", slope.to(ScalarType.Float64).data<double>())}]");
                if (name is "log_softmax" or "solu" or "softmax_off_by_one") continue;
                Assert.Equal(1, y.to(ScalarType.Float64).sum().ToDouble(), type is ScalarType.BFloat16 or ScalarType.Float16 ? 1e-2 : 1e-6);
            }
            Assert.True(module.call(full([2, 5], double.NaN, dtype: type)).isnan().all().ToBoolean(), $"{name}(NaN) of {type}");
        }
    }

    [Theory]
    [MemberData(nameof(Gated))]
    public void GatesAtTheEndsAreNumbers(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var type in Types)
        {
            using var module = Module(name, type);
            var most = type switch { ScalarType.Float64 => 1.7e308, ScalarType.Float16 => 65504, _ => 3.38e38 };
            foreach (var (a, b) in new[] { (most, 0.5), (-most, 0.5), (0.5, most), (0.5, -most), (-30, most), (-most, -0.5) })
            {
                var (y, slope) = ValueAndSlope(module, tensor(new[] { a, b }).to(type));
                Assert.False(y.isnan().any().ToBoolean(), $"{name}({a}, {b}) of {type} is NaN");
                Assert.False(slope.isnan().any().ToBoolean(), $"{name}'({a}, {b}) of {type} is NaN");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EveryLayoutGivesTheSame(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var type in Types)
        {
            using var module = Module(name, type);
            var dense = ModuleCase.Input(type, 3, 4, 6);
            var (y, slope) = ValueAndSlope(module, dense);
            Assert.Equal(type, y.dtype);
            var room = full([3, 4, 14], double.NaN, dtype: type);
            room.slice(2, 1, 13, 2).copy_(dense);
            Tensor[] layouts = [dense.permute(2, 0, 1).contiguous().permute(1, 2, 0), room.slice(2, 1, 13, 2),
                cat([full([1, 4, 6], double.NaN, dtype: type), dense]).slice(0, 1, 4, 1)];
            foreach (var x in layouts)
            {
                var (other, otherSlope) = ValueAndSlope(module, x, keepLayout: true);
                Assert.True(other.equal(y).all().ToBoolean() || other.allclose(y, 1e-6, 1e-7),
                    $"{name} of {type} with strides {string.Join(", ", x.stride())}");
                Assert.True(otherSlope.allclose(slope, 1e-6, 1e-7), $"{name}' of {type} with strides {string.Join(", ", x.stride())}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void NothingComesOfNothing(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var type in Types)
        {
            using var module = Module(name, type);
            long[][] shapes = [[0, 4], [3, 0, 4], [0, 2, 4], .. ActivationCatalog.Get(name).KeepsShape ? (long[][])[[0], [2, 3, 0]] : []];
            foreach (var shape in shapes)
            {
                var (y, slope) = ValueAndSlope(module, zeros(shape, type));
                Assert.Equal(0, y.numel());
                Assert.Equal(type, y.dtype);
                Assert.Equal(shape, slope.shape);
                if (ActivationCatalog.Get(name).KeepsShape) Assert.Equal(shape, y.shape);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Elementwise))]
    public void OneNumberAlone(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var type in Types)
        {
            using var module = Module(name, type);
            var (y, slope) = ValueAndSlope(module, tensor(0.7).to(type));
            var (row, rowSlope) = ValueAndSlope(module, tensor(new[] { 0.7, 0.7 }).to(type));
            Assert.Equal([], y.shape);
            Assert.Equal(row[0].ToDouble(), y.ToDouble(), 1e-6);
            Assert.Equal(rowSlope[0].ToDouble(), slope.ToDouble(), 1e-6);
        }
    }

    /// <summary>On a device without memory only the shape can be right, and any look at a value or at a pointer is an error.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void NoMemoryIsReadOnOtherDevices(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var type in Types)
        {
            using var module = Module(name, type);
            var expected = module.call(ModuleCase.Input(type, 3, 4, 6)).shape;
            module.to(DeviceType.META);
            try
            {
                var (y, slope) = ValueAndSlope(module, zeros([3, 4, 6], type, new Device(DeviceType.META)));
                Assert.Equal(DeviceType.META, y.device_type);
                Assert.Equal(DeviceType.META, slope.device_type);
                Assert.Equal(expected, y.shape);
            }
            catch (System.Runtime.InteropServices.ExternalException e) when (e.Message.Contains("no fake impl or Meta kernel",
                StringComparison.Ordinal))
            {
                // libtorch without Python knows no shape rule for this operation; no number was read.
            }
        }
    }

    private static nn.Module<Tensor, Tensor> Module(string name, ScalarType type)
    {
        var module = ActivationCatalog.Create(name);
        module.eval();
        module.to(type);
        return module;
    }

    private static (Tensor Y, Tensor Slope) ValueAndSlope(nn.Module<Tensor, Tensor> module, Tensor at, bool keepLayout = false)
    {
        var x = keepLayout ? at.detach().requires_grad_() : at.detach().clone().requires_grad_();
        var y = module.call(x);
        if (!y.requires_grad) return (y, zeros_like(x));
        y.backward([ones_like(y)]);
        return (y.detach(), x.grad!);
    }

    private static void Same(string name, double x, double exact, double found)
    {
        if (double.IsNaN(exact)) Assert.Fail($"{name}({x}) is NaN in float64");
        var rounded = (float)exact;
        var ok = float.IsInfinity(rounded) || Math.Abs(exact) > 3.3e38
            ? double.IsInfinity(found) ? Math.Sign(found) == Math.Sign(exact) && Math.Abs(exact) > 1e38
            : Math.Abs(found - exact) <= Math.Abs(exact) * 1e-5
            : Math.Abs(found - exact) <= (Math.Abs(exact) * 1e-5) + 1e-37;
        Assert.True(ok, $"{name}({x}) is {found} in float32 and {exact} in float64");
    }
}

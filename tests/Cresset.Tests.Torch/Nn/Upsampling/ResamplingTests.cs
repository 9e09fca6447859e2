using Cresset.Nn;
using CsCheck;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>The separable resampling kernels against libtorch's interpolate, and the laws of a linear map.</summary>
[LeakFree]
public sealed class ResamplingTests
{
    private static readonly ResizeMode[] Modes = Enum.GetValues<ResizeMode>();
    private static readonly double[] Factors = [0.3, 0.5, 0.75, 1, 1.3, 1.7, 2, 2.5, 3, 4];

    /// <summary>One interpolation: mode, sizes from the first axis to the last, target sizes or factors, and the options.</summary>
    public sealed record Case(ResizeMode Mode, long[] Input, long[]? Size, double[]? Scale, bool Align, bool Antialias, bool Recompute)
    {
        public bool? AlignCorners =>
            Mode is ResizeMode.Linear or ResizeMode.Bilinear or ResizeMode.Bicubic or ResizeMode.Trilinear ? Align : null;

        private long To(int i) => Size is null ? (long)(Input[2 + i] * Scale![i]) : Size[i];

        /// <summary>
        /// libtorch looks at the sizes in one pass and at the given factor in the other, where sizes are equal or double by rounding.
        /// </summary>
        public bool NativeGradientIsOfAnotherMap =>
            NativeGradientIsACopy || (Mode is ResizeMode.Nearest or ResizeMode.NearestExact || Antialias) && Scale is not null && !Recompute
            && Enumerable.Range(0, Scale.Length)
                .Any(i => To(i) != Input[2 + i] * Scale[i] && (To(i) == Input[2 + i] || To(i) == 2 * Input[2 + i]));

        // Its bicubic gradient takes equal sizes for the identity, whatever the factor that the value was taken with.
        private bool NativeGradientIsACopy =>
            Mode == ResizeMode.Bicubic && !Antialias && !Recompute && Scale is not null
                && Enumerable.Range(0, Scale.Length).All(i => To(i) == Input[2 + i]);

        public override string ToString() =>
            $"{Mode} [{string.Join(", ", Input)}] to {(Size is null ? "x " + string.Join(", ", Scale!) : string.Join(", ", Size))} align "
                + $"{Align} antialias {Antialias} recompute {Recompute}";

        public Tensor Own(Tensor x) =>
            Resample.Of(x, Resampling.Between(x, Size, Scale, Mode, AlignCorners ?? false, Antialias, Recompute)!);

        public Tensor Native(Tensor x) => Cresset.Nn.Upsample.Native(x, Size, Scale, Mode, AlignCorners, Antialias, Recompute);
    }

    private static readonly Gen<Case> AnyCase =
        from mode in Gen.Int[0, Modes.Length - 1].Select(i => Modes[i])
        from places in mode switch
        {
            ResizeMode.Linear => Gen.Const(1),
            ResizeMode.Bilinear or ResizeMode.Bicubic => Gen.Const(2),
            ResizeMode.Trilinear => Gen.Const(3),
            _ => Gen.Int[1, 3],
        }
        let most = places == 3 ? 12 : places == 2 ? 50 : 150
        from input in Gen.Int[1, most].Array[places]
        from bySize in Gen.Bool
        from size in Gen.Int[1, most].Array[places]
        from scale in Gen.Int[0, Factors.Length - 1].Select(i => Factors[i]).Array[places]
        from align in Gen.Bool
        from antialias in Gen.Bool
        from recompute in Gen.Bool
        let shape = new long[] { 2, 3 }.Concat(input.Select(i => (long)i)).ToArray()
        where bySize || input.Zip(scale).All(p => Math.Floor(p.First * p.Second) >= 1)
        select new Case(mode, shape, bySize ? size.Select(s => (long)s).ToArray() : null, bySize ? null : scale, align,
            antialias && mode is ResizeMode.Bilinear or ResizeMode.Bicubic, recompute && !bySize);

    private static Tensor Random(ulong seed, params long[] shape) => randn(shape, generator: new Generator(seed));

    private static double Distance(Tensor a, Tensor b)
    {
        Assert.Equal(b.shape, a.shape);
        return ((a - b).abs().max() / b.abs().max().clamp_min(1e-30)).ToDouble();
    }

    [Fact]
    public void AgreesWithLibtorchForwardAndBackward() => AnyCase.Sample(
        c =>
        {
            using var scope = NewDisposeScope();
            Tensor x = Random(1, c.Input).requires_grad_(), y = c.Own(x), expected = c.Native(x);
            var up = Random(2, expected.shape);
            var d = Distance(y, expected);
            if (!(d < 2e-6)) throw new InvalidOperationException($"{c} forward {d}");
            if (c.NativeGradientIsOfAnotherMap) return;
            d = Distance(autograd.grad([y], [x], [up])[0], autograd.grad([expected], [x], [up])[0]);
            // libtorch's bicubic gradient rounds its positions otherwise than its value.
            if (!(d < (c.Mode == ResizeMode.Bicubic ? 6e-6 : 2e-6))) throw new InvalidOperationException($"{c} backward {d}");
        },
        iter: 2000,
        threads: 1);

    [Fact]
    public void TheGradientIsTheAdjoint() => AnyCase.Sample(
        c =>
        {
            using var scope = NewDisposeScope();
            var map = Resampling.Between(zeros(c.Input), c.Size, c.Scale, c.Mode, c.AlignCorners ?? false, c.Antialias, c.Recompute)!;
            Tensor x = Random(1, c.Input), y = map.Run(x), z = Random(2, y.shape), back = map.Transposed.Run(z);
            double left = (y.to(ScalarType.Float64) * z).sum().ToDouble(), right = (x.to(ScalarType.Float64) * back).sum().ToDouble();
            var scale = (y.to(ScalarType.Float64).norm() * z.norm()).ToDouble();
            if (!(Math.Abs(left - right) <= 1e-6 * scale)) throw new InvalidOperationException($"{c}: {left} and {right}");
        },
        iter: 500,
        threads: 1);

    [Fact]
    public void BitsDoNotDependOnThreads() => AnyCase.Sample(
        c =>
        {
            using var scope = NewDisposeScope();
            // Large enough for several chunks.
            var x = Random(1, [40, 7, .. c.Input[2..]]);
            var threads = get_num_threads();
            try
            {
                set_num_threads(1);
                Tensor one = c.Own(x), oneBack = Back(c, x, one);
                set_num_threads(2);
                Tensor two = c.Own(x), twoBack = Back(c, x, two);
                if (!one.bytes.SequenceEqual(two.bytes) || !oneBack.bytes.SequenceEqual(twoBack.bytes))
                    throw new InvalidOperationException($"{c}");
            }
            finally
            {
                set_num_threads(threads);
            }

            static Tensor Back(Case c, Tensor x, Tensor y) =>
                Resampling.Between(x, c.Size, c.Scale, c.Mode, c.AlignCorners ?? false, c.Antialias, c.Recompute)!.Transposed.Run(y);
        },
        iter: 60,
        threads: 1);

    [Theory]
    [InlineData(ResizeMode.Nearest, false)]
    [InlineData(ResizeMode.NearestExact, false)]
    [InlineData(ResizeMode.Area, false)]
    [InlineData(ResizeMode.Bilinear, false)]
    [InlineData(ResizeMode.Bicubic, false)]
    [InlineData(ResizeMode.Bilinear, true)]
    [InlineData(ResizeMode.Bicubic, true)]
    public void NanAndInfinitySpreadAsInLibtorch(ResizeMode mode, bool antialias)
    {
        foreach (long[] size in new long[][] { [80, 74], [33, 40], [40, 21], [11, 90], [20, 120], [40, 37] })
        {
            using var scope = NewDisposeScope();
            var x = Random(3, 2, 4, 40, 37);
            foreach (var (value, row, column) in new[] { (double.NaN, 0, 0), (double.PositiveInfinity, 17, 20),
                (double.NegativeInfinity, 39, 36), (double.PositiveInfinity, 5, 0), (double.NaN, 20, 36) }) x[0, 1, row, column] = value;
            var c = new Case(mode, x.shape, size, null, false, antialias, false);
            using (no_grad())
            {
                Assert.True(c.Own(x).allclose(c.Native(x), 1e-5, 1e-5, equal_nan: true), $"{c}");
            }
        }
    }

    [Fact]
    public void SecondDerivativesGoThroughTheSameMap()
    {
        using var scope = NewDisposeScope();
        foreach (var mode in new[] { ResizeMode.Nearest, ResizeMode.Area, ResizeMode.Bilinear, ResizeMode.Bicubic })
        {
            var c = new Case(mode, [2, 3, 20, 33], [31, 50], null, false, false, false);
            Tensor Penalty(Func<Tensor, Tensor> f)
            {
                var x = Random(1, c.Input).requires_grad_();
                var y = f(x);
                var slope = autograd.grad([y.pow(3).sum()], [x], create_graph: true, retain_graph: true)[0];
                return autograd.grad([slope.pow(2).sum()], [x])[0];
            }
            Assert.True(Distance(Penalty(c.Own), Penalty(c.Native)) < 1e-5, $"{mode}");
        }
    }

    /// <summary>Whole-picture gradients through the public function against float64, which libtorch computes.</summary>
    [Theory]
    [InlineData(ResizeMode.Nearest)]
    [InlineData(ResizeMode.NearestExact)]
    [InlineData(ResizeMode.Area)]
    [InlineData(ResizeMode.Bilinear)]
    [InlineData(ResizeMode.Bicubic)]
    public void GradientsMatchFloat64(ResizeMode mode)
    {
        using var scope = NewDisposeScope();
        foreach (long[] size in new long[][] { [64, 128], [17, 100], [31, 20] })
        {
            Tensor Gradient(ScalarType type)
            {
                var x = Random(1, 2, 16, 32, 64).to(type).requires_grad_();
                var y = Cresset.Nn.Upsample.Apply(x, size, mode: mode);
                return autograd.grad([(y * Random(2, y.shape).to(type)).sum()], [x])[0].to(ScalarType.Float64);
            }
            Assert.True(Distance(Gradient(ScalarType.Float32), Gradient(ScalarType.Float64)) < 5e-6, $"{mode} {size[0]}");
        }
    }

    /// <summary>libtorch 2.10 repeats the first row there, in every type.</summary>
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void AntialiasedResultsOfWidthOneHaveTheirOwnRows(ScalarType type)
    {
        using var scope = NewDisposeScope();
        // Rows of a picture whose columns are equal: the width does not matter.
        var column = Random(1, 1, 2, 30, 1).to(type);
        foreach (var width in new long[] { 5, 60 })
        {
            var narrow = Cresset.Nn.Upsample.Apply(column.expand(1, 2, 30, width).contiguous(), [7, 1], mode: ResizeMode.Bicubic,
                antialias: true);
            var wide = Cresset.Nn.Upsample.Apply(column.expand(1, 2, 30, width).contiguous(), [7, 3], mode: ResizeMode.Bicubic,
                antialias: true);
            Assert.True(Distance(narrow.expand(1, 2, 7, 3), wide) < 1e-6);
        }
    }

    [Fact]
    public void OtherLayoutsAndTypesGiveTheSame()
    {
        using var scope = NewDisposeScope();
        var x = Random(1, 2, 16, 32, 40);
        var y = Cresset.Nn.Upsample.Apply(x, scaleFactor: [2], mode: ResizeMode.Bilinear);
        var last = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        Assert.True(Distance(Cresset.Nn.Upsample.Apply(last, scaleFactor: [2], mode: ResizeMode.Bilinear), y) < 1e-6);
        Assert.True(
            Distance(Cresset.Nn.Upsample.Apply(x.transpose(2, 3).contiguous().transpose(2, 3), scaleFactor: [2], mode: ResizeMode.Bilinear),
                y) < 1e-6);
        Assert.True(
            Distance(Cresset.Nn.Upsample.Apply(x.to(ScalarType.Float64), scaleFactor: [2], mode: ResizeMode.Bilinear)
                .to(ScalarType.Float32), y) < 1e-6);
        Assert.Equal(ScalarType.BFloat16,
            Cresset.Nn.Upsample.Apply(x.to(ScalarType.BFloat16), scaleFactor: [2], mode: ResizeMode.Bilinear).dtype);
        Assert.Equal([2, 16, 16, 20], Cresset.Nn.Upsample.Apply(x.expand(2, 16, 32, 40), scaleFactor: [0.5], mode: ResizeMode.Area).shape);
    }
}

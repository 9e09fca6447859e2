using System.Text.Json;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Pictures resized as Pillow, OpenCV, MATLAB and JAX resize them, in every type and layout.</summary>
[LeakFree]
public sealed class ResizeReferenceTests
{
    private static readonly JsonElement[] Cases = ReadCases();

    public static TheoryData<ResizeConvention, ResizeKernel> Doors =>
        [.. Enum.GetValues<ResizeConvention>().SelectMany(c => Resize.KernelsOf(c).Select(k => (c, k)))];

    [Theory]
    [MemberData(nameof(Doors))]
    public void AgreesWithTheLibraryInEveryTypeAndLayout(ResizeConvention convention, ResizeKernel kernel)
    {
        using var scope = NewDisposeScope();
        int seen = 0, bytes = 0, exact = 0;
        foreach (var found in Cases.Where(c => c.GetProperty("convention").GetString() == convention.ToString()))
        {
            var name = found.GetProperty("kernel").GetString()!.Split(' ');
            if (name[0] != kernel.ToString()) continue;
            bool? antialias = name.Length > 1 ? false : null;
            using var inner = NewDisposeScope();
            int[] from = Numbers(found.GetProperty("from")), to = Numbers(found.GetProperty("to"));
            var x = Input(from[0], from[1], from[2]);
            var whole = found.GetProperty("type").GetString() == "uint8";
            var channels = whole ? from[2] : 1;
            // [H, W, C] as the libraries write it.
            var expected = tensor(found.GetProperty("values").EnumerateArray().Select(v => v.GetDouble()).ToArray())
                .reshape(to[0], to[1], channels).permute(2, 0, 1).unsqueeze(0);
            var at = $"{convention} {kernel} {string.Join('x', from)} to {string.Join('x', to)}, antialias {antialias}";
            seen++;
            if (whole)
            {
                // OpenCV's vector code and its own plain code differ by 1 in places.
                double most = convention == ResizeConvention.OpenCv ? 1 : 0;
                foreach (var input in new[] { x, x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) })
                {
                    var y = Resize.Apply(input, to[0], to[1], kernel, convention);
                    Assert.Equal(ScalarType.Byte, y.dtype);
                    var off = (y.to(ScalarType.Float64) - expected).abs();
                    Assert.True(off.max().ToDouble() <= most, $"{at}: off by {off.max().ToDouble()}");
                    (bytes, exact) = (bytes + (int)off.numel(), exact + (int)off.eq(0).sum().ToInt64());
                }
                var one = Resize.Apply(x[0], to[0], to[1], kernel, convention);
                Assert.Equal([channels, to[0], to[1]], one.shape);
                continue;
            }
            var values = (x.to(ScalarType.Float64) / 255) - 0.25;
            foreach (var (type, tolerance) in new[] { (ScalarType.Float64, 2e-6), (ScalarType.Float32, 3e-6), (ScalarType.BFloat16, 0.02),
                (ScalarType.Float16, 0.002) })
            {
                var y = Resize.Apply(values.to(type), to[0], to[1], kernel, convention, antialias);
                Assert.Equal(type, y.dtype);
                var off = (y.to(ScalarType.Float64) - expected).abs().max().ToDouble();
                Assert.True(off <= tolerance, $"{at} of {type}: off by {off}");
            }
        }
        Assert.True(seen >= 7, $"{seen} cases");
        Assert.True(exact >= 0.97 * bytes, $"{exact} of {bytes} bytes are the same");
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public void ChannelsLastGoesInAndComesOutWithTheSameNumbers(ResizeConvention convention, ResizeKernel kernel)
    {
        using var scope = NewDisposeScope();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16, ScalarType.Byte })
        {
            var x = Input(9, 40, 3).to(type);
            var last = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
            foreach (var (h, w) in new[] { (5, 17), (14, 61), (9, 40) })
            {
                var y = Resize.Apply(last, h, w, kernel, convention);
                Assert.True(Resize.ChannelsAreLast(y), $"{type}: strides {string.Join(", ", y.stride())}");
                Assert.True(y.allclose(Resize.Apply(x, h, w, kernel, convention), 1e-5, 1e-4),
                    $"{convention} {kernel} of {type} to {h}x{w}");
            }
        }
    }

    [Fact]
    public void GradientsAreTheAdjointOnEveryPath()
    {
        using var scope = NewDisposeScope();
        foreach (var (type, last) in new[] { (ScalarType.Float64, false), (ScalarType.Float32, false), (ScalarType.Float32, true) })
        {
            var start = ModuleCase.Input(type, 1, 2, 9, 33);
            var x = (last ? start.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : start).requires_grad_();
            var up = ModuleCase.Input(type, 1, 2, 4, 40).cos();
            var slope = Derivatives.Of([(Resize.Apply(x, 4, 40, ResizeKernel.Lanczos3) * up).sum()], [x])[0]!;
            var turn = ModuleCase.Input(type, 1, 2, 9, 33).sin();
            Assert.Equal((Resize.Apply(turn, 4, 40, ResizeKernel.Lanczos3) * up).sum().ToDouble(), (slope * turn).sum().ToDouble(),
                type == ScalarType.Float64 ? 1e-10 : 1e-3);
        }
    }

    [Fact]
    public void ResultsDoNotDependOnThreads()
    {
        using var scope = NewDisposeScope();
        var x = Input(300, 400, 3);
        var before = get_num_threads();
        try
        {
            set_num_threads(1);
            var one = Resize.Apply(x, 170, 511, ResizeKernel.Lanczos3);
            set_num_threads(4);
            Assert.True(Resize.Apply(x, 170, 511, ResizeKernel.Lanczos3).equal(one).all().ToBoolean());
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void NoValueIsReadOnOtherDevices()
    {
        using var scope = NewDisposeScope();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Byte })
        {
            try
            {
                Assert.Equal([2, 3, 7, 5], Resize.Apply(zeros([2, 3, 4, 9], type, new Device(DeviceType.META)), 7, 5).shape);
            }
            catch (Exception e) when (MetaDevice.HasNoShapeRule(e))
            {
                // libtorch cannot tell the shape of one of its own operations; no number was read on the way to it.
            }
        }
    }

    [Fact]
    public void WhatCannotBeRightIsRefusedBeforeAnythingIsMade()
    {
        using var scope = NewDisposeScope();
        var x = zeros(1, 3, 4, 5);
        Assert.Throws<ArgumentOutOfRangeException>(() => Resize.Apply(x, 0, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => Resize.Apply(x, 4, -1));
        Assert.Throws<ShapeException>(() => Resize.Apply(zeros(4, 5), 2, 2));
        Assert.Throws<ShapeException>(() => Resize.Apply(zeros(1, 3, 0, 5), 2, 2));
        Assert.Contains("refused", Assert.Throws<ArgumentException>(() => Resize.Apply(x, 1_000_000, 1_000_000)).Message,
            StringComparison.Ordinal);
        Assert.Contains("side of", Assert.Throws<ArgumentException>(() => Resize.Apply(x, 1, long.MaxValue)).Message,
            StringComparison.Ordinal);
        Assert.Contains("Int64", Assert.Throws<ArgumentException>(() => Resize.Apply(x.to(ScalarType.Int64), 2, 2)).Message,
            StringComparison.Ordinal);
        Assert.Contains("Lanczos4",
            Assert.Throws<ArgumentException>(() => Resize.Apply(x, 2, 2, ResizeKernel.Hamming, ResizeConvention.OpenCv)).Message,
            StringComparison.Ordinal);
        Assert.Contains("Pillow", Assert.Throws<ArgumentException>(() => Resize.Apply(x, 2, 2, antialias: false)).Message,
            StringComparison.Ordinal);
        Assert.Contains("Area",
            Assert.Throws<ArgumentException>(
                () => Resize.Apply(x, 2, 2, ResizeKernel.Bilinear, ResizeConvention.OpenCv, antialias: true)).Message,
                StringComparison.Ordinal);
        // PyTorch's own convention too.
        Assert.Contains("refused", Assert.Throws<ArgumentException>(() => Upsample.Apply(x, scaleFactor: [1e6])).Message,
            StringComparison.Ordinal);
        Assert.Contains("side of", Assert.Throws<ArgumentException>(() => Upsample.Apply(x, scaleFactor: [1e300])).Message,
            StringComparison.Ordinal);
        Assert.Contains("0", Assert.Throws<ArgumentException>(() => Upsample.Apply(x, scaleFactor: [1e-3])).Message,
            StringComparison.Ordinal);
    }

    private static Tensor Input(int height, int width, int channels)
    {
        var values = new byte[channels * height * width];
        var i = 0;
        for (var k = 0; k < channels; k++)
        {
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++) values[i++] = (byte)((37 * x) + (91 * y) + (53 * k) + (7 * x * y));
            }
        }
        return tensor(values).reshape(1, channels, height, width);
    }

    private static int[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetInt32())];

    private static JsonElement[] ReadCases()
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Repository.Reference("nn/resizing.json")));
        return [.. file.RootElement.EnumerateArray().Select(e => e.Clone())];
    }
}

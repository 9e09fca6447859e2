using System.Text.Json;
using Cresset.Nn;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Every mode of resizing, shuffling, unpooling, CARAFE and DySample with gradients against PyTorch 2.6, float64.</summary>
[LeakFree]
public sealed class UpsamplingReferenceTests
{
    private const string File = "upsampling.safetensors";
    private static readonly JsonElement[] Cases = JsonDocument.Parse(References.Metadata(File)["cases"]).RootElement.EnumerateArray()
        .ToArray();
    private static readonly JsonElement[] Pools = JsonDocument.Parse(References.Metadata(File)["pools"]).RootElement.EnumerateArray()
        .ToArray();

    [Fact]
    public void InterpolateOverTheWholeGrid()
    {
        Assert.True(Cases.Length >= 100);
        foreach (var c in Cases)
        {
            using var scope = NewDisposeScope();
            var kind = c.GetProperty("kind").GetString()!;
            var values = c.GetProperty("value").EnumerateArray().Select(v => v.GetDouble()).ToArray();
            var mode = Enum.Parse<ResizeMode>(c.GetProperty("mode").GetString()!.Replace("-", "", StringComparison.Ordinal),
                ignoreCase: true);
            var align = c.GetProperty("align") is { ValueKind: not JsonValueKind.Null } a ? a.GetBoolean() : (bool?)null;
            using var layer = kind == "size"
                ? new Cresset.Nn.Upsample(size: values.Select(v => (long)v).ToArray(), mode: mode, alignCorners: align,
                    antialias: c.GetProperty("antialias").GetBoolean())
                : new Cresset.Nn.Upsample(scaleFactor: values, mode: mode, alignCorners: align,
                    antialias: c.GetProperty("antialias").GetBoolean(), recomputeScaleFactor: kind == "recompute");
            Check(c.GetProperty("name").GetString()!, x => layer.call(x[0]), 1e-12);
        }
    }

    public static TheoryData<string> Shuffles => ["shuffle2", "unshuffle2", "channel_shuffle4", "nearest2d", "bilinear2d"];

    [Theory]
    [MemberData(nameof(Shuffles))]
    public void ShufflesAndFixedLayers(string name)
    {
        using var scope = NewDisposeScope();
        using nn.Module<Tensor, Tensor> layer = name switch
        {
            "shuffle2" => new Cresset.Nn.PixelShuffle(2),
            "unshuffle2" => new Cresset.Nn.PixelUnshuffle(2),
            "channel_shuffle4" => new Cresset.Nn.ChannelShuffle(4),
            "nearest2d" => new UpsamplingNearest2d(scaleFactor: [3]),
            _ => new UpsamplingBilinear2d(scaleFactor: [2]),
        };
        Check(name, x => layer.call(x[0]), 1e-12);
    }

    [Fact]
    public void UnpoolingWithStrideAndOutputSize()
    {
        foreach (var c in Pools)
        {
            using var scope = NewDisposeScope();
            var name = c.GetProperty("name").GetString()!;
            var r = References.Load(File, k => k.StartsWith(name + "/", StringComparison.Ordinal));
            long[] One(string key) => [c.GetProperty(key).GetInt64()];
            var size = c.GetProperty("size") is { ValueKind: JsonValueKind.Array } s
                ? s.EnumerateArray().Select(v => v.GetInt64()).ToArray() : null;
            var (pooled, indices) = IndexedPooling.MaxPool(r[name + "/x"], One("kernel"), One("stride"), One("padding"));
            References.Close(r[name + "/pooled"], pooled, 0, 0, name + " pooled");
            Assert.Equal(r[name + "/idx"].data<long>().ToArray(), indices.data<long>().ToArray());
            Check(
                name,
                x => c.GetProperty("dims").GetInt32() switch
                {
                    1 => new Cresset.Nn.MaxUnpool1d(One("kernel"), One("stride"), One("padding")).Forward(x[0], indices, size),
                    2 => new Cresset.Nn.MaxUnpool2d(One("kernel"), One("stride"), One("padding")).Forward(x[0], indices, size),
                    _ => new Cresset.Nn.MaxUnpool3d(One("kernel"), One("stride"), One("padding")).Forward(x[0], indices, size),
                },
                1e-12);
        }
    }

    [Theory]
    [InlineData("zeros", false)]
    [InlineData("zeros", true)]
    [InlineData("border", false)]
    [InlineData("border", true)]
    [InlineData("reflection", false)]
    [InlineData("reflection", true)]
    public void BicubicGridSampling(string padding, bool align)
    {
        using var scope = NewDisposeScope();
        Check($"grid_{padding}_{(align ? 1 : 0)}",
            x => GridSampling.Bicubic(x[0], x[1], Enum.Parse<GridSamplePaddingMode>(padding, ignoreCase: true), align), 1e-11);
    }

    [Theory]
    [InlineData(3, 1, 2)]
    [InlineData(5, 2, 2)]
    [InlineData(3, 2, 3)]
    public void CarafeReassembly(int kernel, int groups, int scale)
    {
        using var scope = NewDisposeScope();
        Check($"carafe_{kernel}_{groups}_{scale}", x => Carafe.Reassemble(x[0], x[1], kernel, groups, scale), 1e-12);
    }

    [Theory]
    [InlineData("lp", false)]
    [InlineData("lp", true)]
    [InlineData("pl", false)]
    [InlineData("pl", true)]
    public void DySampleWithWeights(string style, bool scoped)
    {
        using var scope = NewDisposeScope();
        using var layer = new DySample(8,
            new() { Style = style == "lp" ? DySampleStyle.LinearThenShuffle : DySampleStyle.ShuffleThenLinear, DynamicScope = scoped });
        layer.to(ScalarType.Float64);
        Assert.Equal(scoped ? ["init_pos", "offset.bias", "offset.weight", "scope.bias", "scope.weight"]
            : ["init_pos", "offset.bias", "offset.weight"], layer.state_dict().Keys.Order());
        var parameters = layer.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var name = $"dysample_{style}_{(scoped ? 1 : 0)}";
        var keys = new[] { "offset.weight", "offset.bias", "scope.weight", "scope.bias" }.Take(scoped ? 4 : 2).ToArray();
        var r = References.Load(File, k => k.StartsWith(name + "/", StringComparison.Ordinal));
        using (no_grad())
        {
            for (var i = 0; i < keys.Length; i++) parameters[keys[i]].copy_(r[$"{name}/in{i + 1}"]);
        }
        var x = r[name + "/in0"].detach().requires_grad_();
        var y = layer.call(x);
        References.Close(r[name + "/y"], y, 1e-12, 1e-13, name);
        (y * Upstream(y)).sum().backward();
        References.Close(r[name + "/d0"], x.grad!, 1e-11, 1e-13, name + " dx");
        for (var i = 0; i < keys.Length; i++)
            References.Close(r[$"{name}/d{i + 1}"], parameters[keys[i]].grad!, 1e-11, 1e-12, $"{name} {keys[i]}");
    }

    public static TheoryData<string> OneLiners =>
        ["up.Nearest", "up.Bilinear", "up.Bicubic", "up.Area", "up.bilinear_ac", "up.bilinear_aa", "up.bilinear_sf", "up.bilinear_sf_r",
            "up.nearest_exact", "up.bicubic_aa"];

    [Theory]
    [MemberData(nameof(OneLiners))]
    public void OneLineCasesOfPyTorch(string name)
    {
        using var scope = NewDisposeScope();
        using var document = JsonDocument.Parse(System.IO.File.ReadAllText(Repository.Reference("nn/torch_cases.json")));
        var expected = document.RootElement.EnumerateArray().Single(e => e.GetProperty("case").GetString() == name).GetProperty("expected")
            .EnumerateArray().Select(v => v.GetDouble()).ToArray();
        var x = ModuleCase.Input(ScalarType.Float64, 1, 2, 5, 6);
        long[] size = [8, 9];
        var y = name[3..] switch
        {
            "Nearest" => Cresset.Nn.Upsample.Apply(x, size),
            "Bilinear" => Cresset.Nn.Upsample.Apply(x, size, mode: ResizeMode.Bilinear),
            "Bicubic" => Cresset.Nn.Upsample.Apply(x, size, mode: ResizeMode.Bicubic),
            "Area" => Cresset.Nn.Upsample.Apply(x, size, mode: ResizeMode.Area),
            "bilinear_ac" => Cresset.Nn.Upsample.Apply(x, size, mode: ResizeMode.Bilinear, alignCorners: true),
            "bilinear_aa" => Cresset.Nn.Upsample.Apply(x, [3, 4], mode: ResizeMode.Bilinear, antialias: true),
            "bicubic_aa" => Cresset.Nn.Upsample.Apply(x, [3, 4], mode: ResizeMode.Bicubic, antialias: true),
            "bilinear_sf" => Cresset.Nn.Upsample.Apply(x, scaleFactor: [1.7, 1.3], mode: ResizeMode.Bilinear),
            "bilinear_sf_r" => Cresset.Nn.Upsample.Apply(x, scaleFactor: [1.7, 1.3], mode: ResizeMode.Bilinear, recomputeScaleFactor: true),
            _ => Cresset.Nn.Upsample.Apply(x, size, mode: ResizeMode.NearestExact),
        };
        References.Close(tensor(expected), y.flatten(), 1e-6, 1e-6, name);
    }

    private static Tensor Upstream(Tensor y) => (arange(y.numel(), dtype: ScalarType.Float64) * 0.37 + 0.1).cos().reshape(y.shape);

    private static void Check(string name, Func<Tensor[], Tensor> f, double relative)
    {
        var r = References.Load(File, k => k.StartsWith(name + "/", StringComparison.Ordinal));
        var inputs = Enumerable.Range(0, 9).Where(i => r.ContainsKey($"{name}/in{i}"))
            .Select(i => r[$"{name}/in{i}"].detach().requires_grad_()).ToArray();
        var y = f(inputs);
        References.Close(r[name + "/y"], y, relative, 1e-13, name);
        var gradients = autograd.grad([(y * Upstream(y)).sum()], inputs);
        for (var i = 0; i < inputs.Length; i++)
            References.Close(r[$"{name}/d{i}"], gradients[i], relative * 10, 1e-12, $"{name} gradient {i}");
    }
}

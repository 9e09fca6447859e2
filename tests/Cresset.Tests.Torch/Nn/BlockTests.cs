using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>The layers that all models stand on.</summary>
public sealed class BlockTests
{
    [Fact]
    [LeakFree]
    public void LayersStartWithTheBitsOfLibtorchsOwn()
    {
        using var scope = NewDisposeScope();
        for (var inputs = 1; inputs < 90; inputs++)
        {
            manual_seed(inputs);
            using var expected = nn.Linear(inputs, 7);
            manual_seed(inputs);
            using var actual = new Projection(inputs, 7, true, WeightPlace.Cpu);
            Assert.True(expected.weight!.allclose(actual.Weight, 0, 0), $"weight of {inputs} inputs");
            Assert.True(expected.bias!.allclose(actual.Bias!, 0, 0), $"bias of {inputs} inputs");
            manual_seed(inputs);
            using var picture = nn.Conv2d(inputs, 3, 3);
            manual_seed(inputs);
            using var convolution = new SquareConvolution(inputs, 3, 3, WeightPlace.Cpu);
            Assert.True(picture.weight!.allclose(convolution.Weight, 0, 0), $"kernel of {inputs} channels");
            Assert.True(picture.bias!.allclose(convolution.Bias!, 0, 0), $"bias of {inputs} channels");
        }
    }

    /// <summary>Keys with dots stand for modules in modules, and layers that share the first part share the module.</summary>
    [Fact]
    public void KeysWithDotsAreModulesInModules()
    {
        var keys = new TransformerKeys("layer.0.norm", new("layer.0.attn.q", "layer.0.attn.k", "layer.0.attn.v", "layer.0.attn.o"),
            "layer.1.norm", new("layer.1.mlp.g", "layer.1.mlp.u", "layer.1.mlp.d", "layer.1.mlp.act"));
        using var block = new TransformerBlock(new(new(8, 2), FeedForwardOptions.SwiGlu with { Hidden = 12 }, keys));
        Assert.Equal(
            [
                "layer.0.attn.k.bias", "layer.0.attn.k.weight", "layer.0.attn.o.bias", "layer.0.attn.o.weight", "layer.0.attn.q.bias",
                "layer.0.attn.q.weight", "layer.0.attn.v.bias", "layer.0.attn.v.weight",
                "layer.0.norm.bias", "layer.0.norm.weight", "layer.1.mlp.d.weight", "layer.1.mlp.g.weight", "layer.1.mlp.u.weight",
                "layer.1.norm.bias", "layer.1.norm.weight",
            ],
            block.state_dict().Keys.Order(StringComparer.Ordinal));
        block.to(ScalarType.Float64);
        using var scope = NewDisposeScope();
        Assert.Equal(ScalarType.Float64, block.call(zeros(1, 3, 8, dtype: ScalarType.Float64)).dtype);
    }

    /// <summary>Queries, keys and values in one matrix or in three are the same attention.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void OneMatrixOrThreeAreTheSame(bool causal)
    {
        using var scope = NewDisposeScope();
        TransformerKeys Keys(AttentionKeys attention) => new("n1", attention, "n2", new("", "up", "down", "act"));
        using var apart = new TransformerBlock(new(new(16, 4) { KeyHeads = 2 }, FeedForwardOptions.Gelu, Keys(new("q", "k", "v", "o"))));
        using var together = new TransformerBlock(
            new(new(16, 4) { KeyHeads = 2 }, FeedForwardOptions.Gelu, Keys(new("qkv", "", "", "o", Together: true))));
        var state = apart.state_dict();
        var joined = state.Where(s => s.Key[0] is not ('q' or 'k' or 'v')).ToDictionary(s => s.Key, s => s.Value);
        foreach (var part in new[] { "weight", "bias" })
            joined[$"qkv.{part}"] = cat([state[$"q.{part}"], state[$"k.{part}"], state[$"v.{part}"]], 0);
        StateDict.Load(together, joined);
        var x = randn([2, 5, 16], generator: new Generator(3));
        Assert.True(apart.Forward(x, causal: causal).allclose(together.Forward(x, causal: causal), 1e-5, 1e-6));
    }

    /// <summary>Tokens one by one through a cache are the tokens at once.</summary>
    [Fact]
    public void ACacheGivesWhatTheWholeGives()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var keys = new TransformerKeys("n1", new("qkv", "", "", "o", Together: true), "n2", new("", "up", "down", "act"));
        using var block = new TransformerBlock(new(new(16, 2), FeedForwardOptions.Gelu, keys));
        using var cache = new KeyValueCache(1, 2, 2, 6, 8, zeros(1));
        var x = randn([2, 6, 16], generator: new Generator(4));
        var whole = block.Forward(x, causal: true);
        for (var i = 0; i < 6; i++)
        {
            cache.Length = i;
            Assert.True(whole.narrow(1, i, 1).allclose(block.Forward(x.narrow(1, i, 1), causal: true, cache: cache), 1e-5, 1e-6),
                $"token {i}");
        }
    }

    /// <summary>
    /// The causal rule as libtorch's kernel has it, as a mask and as separate operations: also for no token, one token, other types and
    /// views.
    /// </summary>
    [Theory]
    [InlineData(ScalarType.Float32, 0)]
    [InlineData(ScalarType.Float32, 1)]
    [InlineData(ScalarType.Float32, 7)]
    [InlineData(ScalarType.Float64, 7)]
    [InlineData(ScalarType.BFloat16, 7)]
    [LeakFree]
    public void CausalAttentionIsTheMaskedOne(ScalarType type, int tokens)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var q = randn([2, 4, tokens, 16], generator: new Generator(5)).to(type);
        var k = randn([2, tokens, 2, 16], generator: new Generator(6)).to(type).transpose(1, 2);
        var v = randn([1, 2, tokens, 16], generator: new Generator(7)).to(type);
        var mask = ones(tokens, tokens, dtype: ScalarType.Bool).tril();
        var causal = Attention.ScaledDotProduct(q, k, v, causal: true, scale: 0.3);
        Assert.Equal([2L, 4, tokens, 16], causal.shape);
        var tolerance = type == ScalarType.BFloat16 ? 2e-2 : 1e-5;
        Assert.True(causal.allclose(Attention.ScaledDotProduct(q, k, v, mask, scale: 0.3), tolerance, tolerance));
        Assert.True(
            causal.allclose(Attention.ScaledDotProduct(q, k, v, causal: true, scale: 0.3, path: AttentionPath.Explicit), tolerance,
                tolerance));
    }

    /// <summary>While operations are recorded, no product is computed behind the record's back.</summary>
    [Fact]
    public void ProductsAreLibtorchsWhileKernelsPause()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor x = randn([64, 512], generator: new Generator(8)), w = randn([512, 512], generator: new Generator(9));
        var expected = nn.functional.linear(x, w);
        using var layer = new Projection(512, 512, false, WeightPlace.Cpu);
        layer.Weight.copy_(w);
        layer.Quantize();
        var packed = layer.call(x);
        using var pause = new KernelPause();
        Assert.True(expected.allclose(MatrixProduct.Linear(x, w), 0, 0));
        Assert.True(packed.allclose(layer.call(x), 1e-4, 1e-3));
    }

    /// <summary>Weights in the type of whole numbers would be zeros: such input is refused, and so is input of another width.</summary>
    [Theory]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Byte)]
    [InlineData(ScalarType.Bool)]
    public void InputThatWouldChangeTheWeightsIsRefused(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var projection = new Projection(8, 4, true, WeightPlace.Cpu);
        using var packed = new Projection(8, 4, true, WeightPlace.Cpu);
        packed.Quantize();
        using var convolution = new SquareConvolution(8, 4, 1, WeightPlace.Cpu);
        using var groups = new GroupNormalization(2, 8, 1e-5, WeightPlace.Cpu);
        using var tokens = new LayerNormalization(8, 1e-5, WeightPlace.Cpu);
        foreach (var layer in new WeightLayer[] { projection, packed, tokens }) Refused(layer, ones([3, 8], type));
        foreach (var layer in new WeightLayer[] { convolution, groups }) Refused(layer, ones([1, 8, 2, 2], type));
        Assert.Contains("[..., 8]", Assert.Throws<ShapeException>(() => projection.call(ones(3, 7))).Message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => projection.call(tensor(1f)));

        static void Refused(WeightLayer layer, Tensor input) =>
            Assert.Contains("floating-point", Assert.Throws<ArgumentException>(() => layer.call(input)).Message, StringComparison.Ordinal);
    }

    /// <summary>Weights of one type and input of another: the result has the input's type.</summary>
    [Theory]
    [InlineData(ScalarType.Float32, ScalarType.Float64)]
    [InlineData(ScalarType.Float64, ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16, ScalarType.Float32)]
    [InlineData(ScalarType.Float16, ScalarType.BFloat16)]
    public void LayersComputeInTheTypeOfTheirInput(ScalarType weights, ScalarType input)
    {
        using var scope = NewDisposeScope();
        var place = new WeightPlace(weights, Generator: new Generator(2));
        WeightLayer[] layers = [new Projection(8, 4, true, place), new LayerNormalization(8, 1e-5, place), new RmsNorm(8, place: place),
            new SquareConvolution(3, 4, 3, place), new GroupNormalization(3, 3, 1e-5, place)];
        foreach (var layer in layers)
        {
            var x = randn(layer is SquareConvolution or GroupNormalization ? [2, 3, 8, 8] : [2, 8], generator: new Generator(3)).to(input);
            var y = layer.call(x);
            Assert.Equal(input, y.dtype);
            layer.to(ScalarType.Float64);
            Assert.True(y.to(ScalarType.Float64).allclose(layer.call(x.to(ScalarType.Float64)), 0.05, 0.05), layer.GetName());
            layer.Dispose();
        }
    }

    [Fact]
    public void PicturesWithoutPixelsAndEvenNeighbourhoodsAreRefused()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ShapeException>(() => GridSampling.Bicubic(zeros(1, 1, 0, 4), zeros(1, 2, 2, 2)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Carafe.Reassemble(zeros(1, 8, 4, 4), zeros(1, 4, 8, 8), 2));
        Assert.Throws<ArgumentException>(() => Carafe.Reassemble(zeros(1, 8, 4, 4), zeros(1, 27, 8, 8), 3, groups: 3));
        Assert.Throws<ArgumentException>(() => Carafe.Reassemble(zeros(1, 8, 4, 4), zeros(1, 9, 8, 8), 3, groups: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Carafe.Reassemble(zeros(1, 8, 4, 4), zeros(1, 9, 0, 0), 3, scale: 0));
    }
}

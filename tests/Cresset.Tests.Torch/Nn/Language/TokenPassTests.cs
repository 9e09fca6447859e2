using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn.Language;

/// <summary>The next token in one pass of our own beside the same by libtorch's operations.</summary>
public sealed class TokenPassTests
{
    private const int Vocabulary = 13;

    private static readonly Dictionary<string, DecoderOptions> Kinds = new()
    {
        ["llama"] = new() { Layers = 2, Heads = 4, Width = 64, Context = 24, FeedForward = new() { MultipleOf = 8 } },
        // No width is a multiple of a register's.
        ["odd"] = new() { Layers = 3, Heads = 3, Width = 30, Context = 24, FeedForward = new() { Hidden = 37 } },
        ["qwen"] = new()
        {
            Layers = 2,
            Heads = 6,
            KeyValueHeads = 2,
            HeadWidth = 16,
            Width = 40,
            Context = 24,
            QkNorm = true,
            QkvBias = true,
            OutputBias = true,
            Tied = false,
            FeedForward = new() { Hidden = 24, Bias = true },
            NormEpsilon = 1e-3,
        },
        ["learned positions"] = new()
        {
            Layers = 2,
            Heads = 2,
            Width = 32,
            Context = 24,
            Positions = new LearnedPositions(),
            FeedForward = new() { MultipleOf = 16 },
        },
        // More than the products that are shared among threads, and keys wider than the feed-forward part.
        ["wide"] = new() { Layers = 1, Heads = 8, HeadWidth = 96, Width = 512, Context = 24, FeedForward = new() { Hidden = 520 } },
    };

    public static TheoryData<string> Names => [.. Kinds.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void ATokenIsThatOfLibtorchsOperations(string kind)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var model = Build(Kinds[kind]);
        foreach (var texts in new long[] { 1, 3 })
        {
            Assert.True(model.HasTokenPass(texts));
            using KeyValueCache ours = model.NewCache(texts), theirs = model.NewCache(texts);
            for (var place = 0; place < 24; place++)
            {
                var ids = ((arange(texts) * 5) + (place * 7)).remainder(Vocabulary).unsqueeze(1);
                var found = model.Forward(ids, ours);
                using var pause = new KernelPause();
                Assert.False(model.HasTokenPass(texts));
                var expected = model.Forward(ids, theirs);
                Assert.Equal([texts, 1, Vocabulary], found.shape);
                Assert.True(expected.std().ToDouble() > 0.05, "all scores are alike");
                var off = (found - expected).abs().max().ToDouble();
                Assert.True(off < 1e-4 * Math.Max(1, expected.abs().max().ToDouble()), $"{texts} texts, place {place}: off by {off}");
            }
            Assert.Equal(24, ours.Length);
            for (var layer = 0; layer < Kinds[kind].Layers; layer++)
            {
                Assert.True(ours.Whole(layer).Keys.allclose(theirs.Whole(layer).Keys, 1e-4, 1e-4));
                Assert.True(ours.Whole(layer).Values.allclose(theirs.Whole(layer).Values, 1e-4, 1e-4));
            }
        }
    }

    [Fact]
    public void BitsDoNotDependOnThreadsOrOnOtherTexts()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var model = Build(Kinds["wide"]);
        Tensor Scores(int threads, long texts)
        {
            set_num_threads(threads);
            using var cache = model.NewCache(texts);
            var scores = new List<Tensor>();
            for (var place = 0; place < 6; place++)
                scores.Add(model.Forward(full([texts, 1], place * 2 % Vocabulary, dtype: ScalarType.Int64), cache).narrow(0, texts - 1, 1));
            return cat(scores, 1);
        }
        var before = get_num_threads();
        try
        {
            var expected = Scores(1, 1);
            Assert.True(expected.equal(Scores(3, 1)).all().item<bool>());
            Assert.True(expected.equal(Scores(1, 4)).all().item<bool>());
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void WhatItDoesNotComputeGoesTheOtherWay()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var llama = Kinds["llama"];
        bool Has(DecoderOptions options, Action<DecoderTransformer>? change = null, long texts = 1)
        {
            using var model = Build(options);
            change?.Invoke(model);
            return model.HasTokenPass(texts);
        }
        Assert.True(Has(llama));
        Assert.True(Has(llama, m => m.train()));
        Assert.False(Has(llama, texts: 5));
        Assert.False(Has(llama, m => m.to(float64)));
        Assert.False(Has(llama, m => m.to(bfloat16)));
        Assert.False(Has(llama with { Dropout = 0.1 }, m => m.train()));
        Assert.True(Has(llama with { Dropout = 0.1 }));
        Assert.False(Has(llama with { FeedForward = new() { Dropout = 0.1 } }, m => m.train()));
        Assert.False(Has(llama with { Norm = new LayerNormOptions() }));
        Assert.False(Has(llama with { FeedForward = FeedForwardOptions.GeGlu }));
        Assert.False(Has(llama with { FeedForward = new() { Gated = false } }));
        Assert.False(Has(llama with { FeedForward = FeedForwardOptions.ClampedSwiGlu }));
        Assert.False(Has(llama, m => Layer(m).Quantize()));
        Assert.False(Has(llama, m => Layer(m).Add(new Doubling())));
    }

    [Fact]
    public void AnAdapterIsHeard()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var model = Build(Kinds["llama"]);
        var ids = (arange(9) * 4).remainder(Vocabulary).unsqueeze(0);
        var plain = Cached();
        Layer(model).Add(new Doubling());
        var changed = Cached();
        Assert.False(changed.allclose(plain, 1e-3, 1e-3));
        Assert.True(changed.allclose(model.call(ids), 1e-4, 1e-4));

        Tensor Cached()
        {
            using var cache = model.NewCache();
            var scores = new List<Tensor>();
            for (var place = 0; place < 9; place++) scores.Add(model.Forward(ids.narrow(1, place, 1), cache));
            return cat(scores, 1);
        }
    }

    [Fact]
    public void AWeightThatIsNotFiniteIsSeen()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var model = Build(Kinds["llama"]);
        Layer(model).Weight[3, 2] = float.NaN;
        using var generator = new Generator(1);
        foreach (var temperature in new[] { 0, 1.0 })
        {
            Assert.Contains("not finite",
                Assert.Throws<ArgumentException>(
                    () => new TokenChoice { Temperature = temperature }.Continue(model, [1], 3, generator).Count()).Message,
                StringComparison.Ordinal);
        }
    }

    private static Projection Layer(DecoderTransformer model) =>
        (Projection)model.named_modules().First(m => m.name.EndsWith("k_proj", StringComparison.Ordinal)).module;

    private static DecoderTransformer Build(DecoderOptions options)
    {
        using var generator = new Generator(5);
        var model = new DecoderTransformer(Vocabulary, options, generator);
        using var quiet = no_grad();
        foreach (var (name, parameter) in model.named_parameters())
        {
            // Initial weights are so small that all scores would be alike, and gains of 1 and biases of 0 hide a mistake.
            if (parameter.dim() > 1) parameter.mul_(8);
            else parameter.add_(randn(parameter.shape, generator: generator).mul_(0.3));
        }
        model.eval();
        return model;
    }

    private sealed class Doubling : ILayerAdapter
    {
        public Tensor Of(Tensor input) => input.sum(-1, keepdim: true);
    }
}

using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn.Language;

/// <summary>Laws of the decoder-only transformer, over every kind of block.</summary>
public sealed class DecoderTests
{
    private const int Vocabulary = 11, Length = 9;

    private static readonly Dictionary<string, DecoderOptions> Kinds = new()
    {
        ["llama"] = new() { Layers = 2, Heads = 4, Width = 32, Context = 16, FeedForward = new() { MultipleOf = 8 } },
        ["grouped"] = new() { Layers = 2, Heads = 4, KeyValueHeads = 2, Width = 32, Context = 16, FeedForward = new() { MultipleOf = 8 } },
        ["gpt2"] =
            new()
            {
                Layers = 2,
                Heads = 2,
                Width = 24,
                Context = 16,
                Positions = new LearnedPositions(),
                Norm = new LayerNormOptions(),
                QkvBias = true,
                OutputBias = true,
                FeedForward = FeedForwardOptions.Gelu
            },
        ["qwen3"] =
            new()
            {
                Layers = 2,
                Heads = 4,
                KeyValueHeads = 1,
                HeadWidth = 16,
                Width = 24,
                Context = 16,
                QkNorm = true,
                Tied = false,
                FeedForward = new() { MultipleOf = 8 }
            },
    };

    public static TheoryData<string> Names => [.. Kinds.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void NoTokenSeesWhatComesAfterIt(string kind)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var model = Build(kind);
        var ids = Ids(2);
        var scores = model.call(ids);
        Assert.Equal([2, Length, Vocabulary], scores.shape);
        for (var place = 1; place < Length; place++)
        {
            var other = ids.clone();
            other[.., place] = (other[.., place] + 1) % Vocabulary;
            var changed = model.call(other);
            Assert.True(changed.narrow(1, 0, place).allclose(scores.narrow(1, 0, place), 0, 1e-6),
                $"token {place} reached those before it");
            Assert.False(changed.narrow(1, place, 1).allclose(scores.narrow(1, place, 1), 0, 1e-6),
                $"token {place} did not reach its own score");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ACacheGivesWhatTheWholeGives(string kind)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var model = Build(kind);
        var ids = Ids(3);
        var whole = model.call(ids);
        // Token by token, and in pieces behind a beginning.
        foreach (var pieces in new[] { Enumerable.Repeat(1, Length).ToArray(), [4, 3, 2], [Length] })
        {
            using var cache = model.NewCache(3);
            var found = new List<Tensor>();
            foreach (var piece in pieces) found.Add(model.Forward(ids.narrow(1, cache.Length, piece), cache));
            Assert.Equal(Length, cache.Length);
            Assert.True(cat(found, 1).allclose(whole, 1e-4, 1e-5), string.Join(',', pieces));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EveryWeightLearnsAndThereAreAsManyAsCounted(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = Build(kind);
        var options = Kinds[kind];
        nn.functional.cross_entropy(model.call(Ids(2)).flatten(0, 1), Ids(2).flatten()).backward();
        Assert.All(model.named_parameters(), p => Assert.True(p.parameter.grad is { } g && g.abs().sum().ToDouble() > 0, p.name));
        long width = options.Width, hidden = options.FeedForward.HiddenFor(width), head = options.ActualHeadWidth;
        var attention = width * head * (2 * options.Heads + 2 * options.Groups)
            + (options.QkvBias ? head * (options.Heads + 2 * options.Groups) : 0) + (options.OutputBias ? width : 0)
            + (options.QkNorm ? 2 * head : 0);
        var feed = width * hidden * (options.FeedForward.Gated ? 3 : 2) + (options.FeedForward.Bias ? hidden + width : 0);
        var norm = options.Norm is LayerNormOptions ? 2 * width : width;
        var expected = (options.Layers * (attention + feed + 2 * norm)) + norm + (Vocabulary * width * (options.Tied ? 1 : 2))
            + (options.Positions is LearnedPositions ? options.Context * width : 0);
        Assert.Equal(expected, model.parameters().Sum(p => p.numel()));
    }

    [Fact]
    public void RotaryPositionsAreComplexRotations()
    {
        using var scope = NewDisposeScope();
        const int Dim = 8, Count = 5, First = 3;
        var x = randn(1, 1, Count, Dim, dtype: ScalarType.Float64);
        var rotary = new RotaryPositions { Base = 100 };
        var (cosine, sine) = rotary.Tables(First, Count, Dim, x);
        var found = RotaryPositions.Turn(x, cosine, sine);
        for (var place = 0; place < Count; place++)
        {
            for (var pair = 0; pair < Dim / 2; pair++)
            {
                var number = new System.Numerics.Complex(x[0, 0, place, pair].ToDouble(), x[0, 0, place, pair + (Dim / 2)].ToDouble());
                var turned = number * System.Numerics.Complex.FromPolarCoordinates(1, (First + place) * Math.Pow(100, -2.0 * pair / Dim));
                Assert.Equal(turned.Real, found[0, 0, place, pair].ToDouble(), 1e-5);
                Assert.Equal(turned.Imaginary, found[0, 0, place, pair + (Dim / 2)].ToDouble(), 1e-5);
            }
        }
    }

    [Fact]
    public void HeadsMayChangePlaces()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var model = Build("llama");
        var ids = Ids(2);
        var expected = model.call(ids);
        // Heads 0 and 2 change places in every product that makes or reads them.
        var order = tensor(new long[] { 2, 1, 0, 3 });
        foreach (var (name, parameter) in model.named_parameters())
        {
            if (name.EndsWith("o_proj.weight", StringComparison.Ordinal))
                parameter.copy_(parameter.view(32, 4, 8).index_select(1, order).reshape(32, 32));
            else if (name.Contains("_proj.weight", StringComparison.Ordinal) && name.Contains("self_attn", StringComparison.Ordinal))
                parameter.copy_(parameter.view(4, 8, 32).index_select(0, order).reshape(32, 32));
        }
        Assert.True(model.call(ids).allclose(expected, 1e-4, 1e-5));
    }

    [Fact]
    public void SharedKeysAreRepeatedHeads()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var grouped = Build("grouped");
        using var full = new DecoderTransformer(Vocabulary, Kinds["grouped"] with { KeyValueHeads = 0 });
        var from = grouped.state_dict();
        foreach (var (name, target) in full.state_dict())
        {
            var source = from[name];
            if (name.EndsWith("k_proj.weight", StringComparison.Ordinal) || name.EndsWith("v_proj.weight", StringComparison.Ordinal))
                source = source.view(2, 8, 32).repeat_interleave(2, 0).reshape(32, 32);
            target.copy_(source);
        }
        Assert.True(full.call(Ids(2)).allclose(grouped.call(Ids(2)), 1e-4, 1e-5));
    }

    [Fact]
    public void DrawsStayAmongTheLikeliest()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var scores = tensor(new float[] { 0, 3, 1, 2, -1 }).unsqueeze(0);
        HashSet<long> Drawn(TokenChoice choice) => [.. Enumerable.Range(0, 300).Select(_ => choice.Draw(scores, generator).item<long>())];
        Assert.Equal([1L], Drawn(new TokenChoice { Temperature = 0 }));
        Assert.Equal([1L, 3L], Drawn(new TokenChoice { TopK = 2 }).Order());
        // The shares are .03, .64, .09, .24, .01: two reach .8.
        Assert.Equal([1L, 3L], Drawn(new TokenChoice { TopP = 0.8 }).Order());
        Assert.Equal(5, Drawn(new TokenChoice { Temperature = 3 }).Count);
        // Near 0 is the likeliest, not the difference of infinities.
        Assert.Equal([1L], Drawn(new TokenChoice { Temperature = 1e-300 }));
        foreach (var broken in new[] { float.NaN, float.NegativeInfinity, float.PositiveInfinity })
        {
            foreach (var temperature in new[] { 0, 1.0 })
            {
                var error = Assert.Throws<ArgumentException>(
                    () => new TokenChoice { Temperature = temperature }.Draw(full([1, 3], broken)));
                Assert.Contains("not finite", error.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void ALongTextGoesOnBeyondTheContext()
    {
        using var scope = NewDisposeScope();
        using var model = Build("llama");
        long[] Text(ulong seed)
        {
            using var generator = new Generator(seed);
            return [.. new TokenChoice().Continue(model, [1, 2, 3], 50, generator)];
        }
        Assert.Equal(50, Text(1).Length);
        Assert.Equal(Text(1), Text(1));
        Assert.NotEqual(Text(1), Text(2));
        Assert.All(Text(1), token => Assert.InRange(token, 0, Vocabulary - 1));
    }

    [Fact]
    public void WhatCannotBeRightIsRefused()
    {
        using var scope = NewDisposeScope();
        using var model = Build("llama");
        Assert.Contains("17 tokens, and the context holds 16",
            Assert.Throws<ShapeException>(() => model.call(zeros(1, 17, dtype: ScalarType.Int64))).Message, StringComparison.Ordinal);
        Assert.Contains("Int64", Assert.Throws<ArgumentException>(() => model.call(zeros(1, 3))).Message, StringComparison.Ordinal);
        using var cache = model.NewCache();
        Assert.Contains("no_grad",
            Assert.Throws<ArgumentException>(() => model.Forward(zeros(1, 3, dtype: ScalarType.Int64), cache)).Message,
            StringComparison.Ordinal);
        void Refused(string said, Action call)
        {
            var message = Assert.Throws<ArgumentOutOfRangeException>(call).Message;
            Assert.Contains(said, message, StringComparison.Ordinal);
            Assert.DoesNotContain("\n   at", message, StringComparison.Ordinal);
        }
        Refused($"number 1 of ids is {Vocabulary}; allowed: 0 to {Vocabulary - 1}, the vocabulary",
            () => model.call(tensor(new long[] { 0, Vocabulary }).unsqueeze(0)));
        Refused("number 2 of ids is -1", () => model.call(tensor(new long[] { 0, 1, -1 }).unsqueeze(0)));
        var (keys, values) = (zeros(model.StepShape(2)), zeros(model.StepShape(2)));
        void Step(long token, long place) => model.Step(tensor(new[] { 0, token }), tensor(new[] { 0, place }), keys, values);
        Refused($"number 1 of tokens is {Vocabulary}; allowed: 0 to {Vocabulary - 1}", () => Step(Vocabulary, 0));
        Refused("number 1 of tokens is -3", () => Step(-3, 0));
        Refused("number 1 of places is 16; allowed: 0 to 15, the context", () => Step(0, 16));
        Refused("number 1 of places is -1", () => Step(0, -1));
        Assert.Contains("Int64",
            Assert.Throws<ArgumentException>(() => model.Step(zeros(2), zeros(2, dtype: ScalarType.Int64), keys, values)).Message,
            StringComparison.Ordinal);
        Step(Vocabulary - 1, 15);
        Assert.NotEmpty(new DecoderOptions { Heads = 3 }.Validate());
        Assert.NotEmpty(new DecoderOptions { KeyValueHeads = 3 }.Validate());
        Assert.NotEmpty(new DecoderOptions { Norm = new BatchNormOptions() }.Validate());
        Assert.NotEmpty(new DecoderOptions { HeadWidth = 7 }.Validate());
    }

    private static DecoderTransformer Build(string kind)
    {
        random.manual_seed(5);
        var model = new DecoderTransformer(Vocabulary, Kinds[kind]);
        // Initial weights are so small that everything would be close to everything.
        using var quiet = no_grad();
        foreach (var parameter in model.parameters()) if (parameter.dim() > 1) parameter.mul_(8);
        model.eval();
        return model;
    }

    private static Tensor Ids(long count) => (arange(count * Length) * 7 % Vocabulary).reshape(count, Length);

    [Fact]
    public void ACacheOfOtherTextsOrAnotherModelIsRefused()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var model = new DecoderTransformer(11, new() { Layers = 2, Heads = 2, Width = 16, Context = 8 });
        using var other = new DecoderTransformer(11, new() { Layers = 1, Heads = 2, Width = 16, Context = 8 });
        var ids = tensor(new long[] { 1, 2, 3 }).reshape(1, 3);
        using var four = model.NewCache(4);
        using var shallow = other.NewCache();
        Assert.Throws<ArgumentException>(() => model.Forward(ids, four));
        Assert.Throws<ArgumentException>(() => model.Forward(ids, shallow));
        using var gone = model.NewCache();
        gone.Dispose();
        Assert.Throws<ObjectDisposedException>(() => model.Forward(ids, gone));
        using var narrow = model.NewCache();
        model.to(float64);
        Assert.Throws<ArgumentException>(() => model.Forward(ids, narrow));
    }
}

using Cresset.Numerics;
using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>Models over codes that are told captions: every one of them, small, with wide weights.</summary>
[LeakFree]
public class CaptionTests
{
    private const int Length = 14;
    private static readonly CaptionEncoderOptions Reader = new() { Vocabulary = 9, MaxLength = 4, Width = 8, Layers = 2, Heads = 2 };

    private static readonly string[] Raster = ["PixelCnn", "GatedPixelCnn", "PixelSnail", "CodeTransformer", "NextScaleTransformer"];

    public static TheoryData<string> Priors => [.. Raster];

    public static TheoryData<string> All => [.. Raster, "MaskedCodeTransformer", "DelayedCodeTransformer"];

    private static nn.Module<Tensor, Tensor?, Tensor> Make(string name, double dropout = 0)
    {
        using var generator = new Generator(7);
        nn.Module<Tensor, Tensor?, Tensor> model = name switch
        {
            "PixelCnn" => new PixelCnn(new() { CodebookSize = 5, Captions = Reader, Width = 8, Layers = 3, OutputWidth = 16 }, generator),
            "GatedPixelCnn" =>
                new GatedPixelCnn(new() { CodebookSize = 5, Captions = Reader, Width = 8, Layers = 3, OutputWidth = 16 }, generator),
            "PixelSnail" => new PixelSnail(new() { CodebookSize = 5, Captions = Reader, Width = 8, Heads = 2 }, generator),
            "CodeTransformer" =>
                new CodeTransformer(new() { CodebookSize = 5, Captions = Reader, Width = 8, Heads = 2, MaxLength = Length }, generator),
            "NextScaleTransformer" =>
                new NextScaleTransformer(
                    new() { CodebookSize = 5, Captions = Reader, Width = 8, Heads = 2, Scales = [1, 2, 3] }, generator),
            "MaskedCodeTransformer" =>
                new MaskedCodeTransformer(
                    new() { CodebookSize = 5, Captions = Reader, Width = 8, Heads = 2, MaxLength = Length, ClassDropout = dropout },
                    generator),
            "DelayedCodeTransformer" =>
                new DelayedCodeTransformer(
                    new() { CodebookSize = 5, Captions = Reader, Width = 8, Heads = 2, MaxLength = Length / 2, Stages = 2 }, generator),
            _ => throw new ArgumentException(name),
        };
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var parameter in model.parameters()) parameter.add_(randn(parameter.shape, generator: generator).mul_(0.3));
        model.eval();
        return model;
    }

    private static Tensor Codes(string name, int batch, int seed = 1)
    {
        using var generator = new Generator((ulong)seed);
        long[] shape = name == "DelayedCodeTransformer" ? [batch, Length / 2, 2] : name == "NextScaleTransformer" ? [batch, 1, Length]
            : [batch, 2, Length / 2];
        return randint(0, 5, shape, dtype: ScalarType.Int64, generator: generator);
    }

    private static Tensor Captions() => tensor(new long[,] { { 3, 8, 0 }, { 1, 4, 2 }, { 0, 0, 0 } });

    private static (int H, int W) Map(string name) => name == "NextScaleTransformer" ? (1, Length) : (2, Length / 2);

    [Theory]
    [MemberData(nameof(All))]
    public void WordsAndTheirOrderMatterAndZerosBehindThemDoNot(string name)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var model = Make(name);
        var codes = Codes(name, 1).expand(4, -1, -1).clone();
        var told = model.call(codes, tensor(new long[,] { { 3, 8 }, { 8, 3 }, { 3, 7 }, { 0, 0 } }));
        for (var other = 1; other < 4; other++) Assert.True((told[0] - told[other]).abs().max().ToDouble() > 1e-4, $"{other}");
        var longer = model.call(codes, tensor(new long[,] { { 3, 8, 0, 0 }, { 8, 3, 0, 0 }, { 3, 7, 0, 0 }, { 0, 0, 0, 0 } }));
        // Longer captions are summed in another order, and PixelSNAIL has many layers behind them; words moved the logits by more above.
        Golden.Near(told, longer, 3e-5, "zeros behind");
        Assert.True(told.isfinite().all().ToBoolean());
        // Captions follow their maps.
        var moved = model.call(codes, tensor(new long[,] { { 0, 0 }, { 3, 8 }, { 8, 3 }, { 3, 7 } }));
        Golden.Near(told.roll(1, 0), moved, 3e-5, "moved");
    }

    [Theory]
    [MemberData(nameof(All))]
    public void EveryWeightOfTheEncoderLearns(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Make(name);
        using var generator = new Generator(3);
        var (codes, captions) = (Codes(name, 3), Captions());
        var loss = model switch
        {
            CodePrior prior => prior.NegativeLogLikelihood(codes, captions).mean(),
            DelayedCodeTransformer delayed => delayed.NegativeLogLikelihood(codes, captions).mean(),
            _ => ((MaskedCodeTransformer)model).Loss(codes, captions, generator),
        };
        loss.backward();
        var own = model.named_parameters().Where(p => p.name.StartsWith("text.", StringComparison.Ordinal)).ToList();
        Assert.True(own.Count > 20, $"{own.Count}");
        Assert.All(own, p => Assert.True(p.parameter.grad is { } grad && grad.abs().max().ToDouble() > 0, p.name));
        // Words that did not stand there learn nothing, nor does the number of none.
        var words = own.Single(p => p.name == "text.tok.weight").parameter.grad!.abs().amax(1);
        Assert.Equal([false, true, true, true, true, false, false, false, true], words.gt(0).data<bool>().ToArray());
        model.zero_grad();
    }

    [Theory]
    [MemberData(nameof(Priors))]
    public void NoLogitDependsOnItsOwnOrALaterCode(string name)
    {
        using var outer = NewDisposeScope();
        using var quiet = no_grad();
        using var prior = (CodePrior)Make(name);
        var (codes, captions) = (Codes(name, 3), Captions());
        var before = prior.call(codes, captions).flatten(2);
        for (var p = 0; p < Length; p++)
        {
            using var scope = NewDisposeScope();
            var changed = codes.clone();
            changed.view(3, -1).select(1, p).add_(1).remainder_(5);
            Golden.Same(before.narrow(2, 0, p + 1), prior.call(changed, captions).flatten(2).narrow(2, 0, p + 1), $"code {p}");
        }
    }

    [Theory]
    [MemberData(nameof(Priors))]
    public void ASessionAndFixedOrderGiveTheLogitsOfTheFullPass(string name)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var prior = (CodePrior)Make(name);
        var (codes, captions) = (Codes(name, 3), Captions());
        var (height, width) = Map(name);
        var full = prior.call(codes, captions);
        long[] words = captions.data<long>().ToArray(), all = codes.data<long>().ToArray();
        using var session = prior.Begin(3, height, width, captions);
        var exact = prior.Exact();
        var together = exact.Begin(3, height, width, words);
        // The same caption with a zero more behind it, alone.
        var alone = exact.Begin(1, height, width, [.. words[3..6], 0]);
        for (var p = 0; p < Length; p++)
        {
            var (row, column) = (p / width, p % width);
            var expected = full.select(3, column).select(2, row);
            together.Compute(row, column);
            alone.Compute(row, column);
            Golden.Near(expected, session.Next(), 1e-4, $"session, {p}");
            Golden.Near(expected, tensor(together.Logits, [3, 5]), 2e-4, $"fixed order, {p}");
            Assert.Equal(together.Logits.AsSpan(5, 5).ToArray().Select(BitConverter.SingleToInt32Bits),
                alone.Logits.Select(BitConverter.SingleToInt32Bits));
            long[] next = [all[p], all[Length + p], all[(2 * Length) + p]];
            session.Accept(next);
            together.Accept(row, column, next);
            alone.Accept(row, column, [next[1]]);
        }
    }

    [Theory]
    [MemberData(nameof(Priors))]
    public void SamplesFollowSeedsBatchesAndGuidance(string name)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var prior = (CodePrior)Make(name);
        var ((height, width), captions) = (Map(name), Captions());
        var none = zeros_like(captions);
        var drawn = prior.Sample(3, height, width, 9, captions);
        Golden.Same(drawn, prior.Sample(3, height, width, 9, captions, guidance: 0), "no guidance");
        Golden.Same(drawn.narrow(0, 0, 2), prior.Sample(2, height, width, 9, captions.narrow(0, 0, 2)), "smaller batch");
        // Away from itself there is nowhere to go.
        Golden.Same(drawn, prior.Sample(3, height, width, 9, captions, guidance: 3, away: captions), "away from itself");
        var greedy = new CodeSampling { Temperature = 0 };
        var guided = prior.Sample(3, height, width, 1, captions, greedy, guidance: 2, away: none);
        Tensor with = prior.call(guided, captions), without = prior.call(guided, none);
        Golden.Same((with + ((with - without) * 2)).argmax(1), guided, "guided");
        Assert.Throws<ArgumentException>(() => prior.Sample(3, height, width, 1, captions, guidance: 1));
    }

    [Fact]
    public void ModelsThatFillAndDelayAreGuidedByWords()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var masked = (MaskedCodeTransformer)Make("MaskedCodeTransformer", dropout: 0.3);
        var captions = Captions();
        var hidden = full([3, 2, 7], 5L, dtype: ScalarType.Int64);
        Tensor with = masked.call(hidden, captions), without = masked.call(hidden, zeros_like(captions));
        Golden.Same((with + ((with - without) * 2.5)).max(1).indexes,
            masked.Sample(3, 2, 7, 1, captions, steps: 1, sampling: new() { Temperature = 0 }, guidance: 2.5), "one step");
        Golden.Same(masked.Sample(3, 2, 7, 1, captions), masked.Sample(3, 2, 7, 1, captions, guidance: 0), "none");
        using var delayed = (DelayedCodeTransformer)Make("DelayedCodeTransformer");
        var drawn = delayed.Sample(3, 7, 1, captions, new() { Temperature = 0 }, guidance: 2, away: zeros_like(captions));
        var (near, far) = (delayed.call(drawn, captions), delayed.call(drawn, zeros_like(captions)));
        Golden.Same((near + ((near - far) * 2)).argmax(3), drawn, "delayed");
        Golden.Same(delayed.Sample(3, 7, 1, captions), delayed.Sample(3, 7, 1, captions, guidance: 2, away: captions), "itself");
        // Hidden captions are those of nothing: with nearly all hidden the loss of the two is nearly one.
        using var generator = new Generator(2);
        masked.train();
        var codes = Codes("MaskedCodeTransformer", 3);
        Assert.True(double.IsFinite(masked.Loss(codes, captions, generator).ToDouble()));
    }

    [Theory]
    [MemberData(nameof(Priors))]
    public void FilesCarryTheirCaptions(string name)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var prior = (CodePrior)Make(name);
        var (height, width) = Map(name);
        using var generator = new Generator(4);
        var captions = randint(1, 9, [40, 3], dtype: ScalarType.Int64, generator: generator);
        captions.narrow(0, 0, 20).select(1, 2).zero_();
        var codes = prior.Sample(40, height, width, 3, captions, new() { Temperature = 0.6 }).data<long>().ToArray();
        codes[17] = -1;
        long[] shape = name == "NextScaleTransformer" ? [40, Length] : [40, height, width];
        byte[] Written(Tensor? told)
        {
            using var stream = new MemoryStream();
            new PackedCodes(shape, [5], codes, "words").Write(stream, new PriorCoder(prior, told));
            return stream.ToArray();
        }
        var frame = new CodeFrame(0, 40, shape[1..], [5], HasNone: true);
        var payload = new PriorCoder(prior, captions).Encode(frame, codes);
        // The reader knows no captions, or others.
        Assert.Equal(codes, new PriorCoder(prior).Decode(frame, payload));
        Assert.Equal(codes, new PriorCoder(prior, ones_like(captions)).Decode(frame, payload));
        var free = new PriorCoder(prior).Encode(frame, codes);
        Assert.Equal(0, free[0]);
        Assert.Equal(codes, new PriorCoder(prior).Decode(frame, free));
        // Told what they show, the codes themselves take fewer bits: 3 words of 4 bits for each map come first.
        Assert.Equal(3, payload[0]);
        Assert.True(payload.Length - 60 < free.Length, $"{payload.Length - 60} and {free.Length}");
        Assert.Equal(codes, PackedCodes.Parse(Written(captions), "words.cvq", new PriorCoder(prior)).Codes);
        Assert.Equal(codes, PackedCodes.Parse(Written(null), "words.cvq", new PriorCoder(prior, captions)).Codes);
        // Every piece of a frame counts from the file's first map.
        var late = frame with { FirstMap = 30, Maps = 10 };
        var end = codes.AsSpan(30 * height * width).ToArray();
        Assert.Equal(end, new PriorCoder(prior).Decode(late, new PriorCoder(prior, captions).Encode(late, end)));
        Assert.Contains("captions of 40 maps",
            Assert.Throws<ArgumentException>(() => new PriorCoder(prior, captions).Encode(late with { FirstMap = 31 }, end)).Message,
            StringComparison.Ordinal);

        void Refused(string said, params byte[] damaged) => Assert.Contains(said,
            Assert.Throws<InvalidDataException>(() => new PriorCoder(prior).Decode(frame, damaged)).Message, StringComparison.Ordinal);
        Refused("is empty");
        Refused("captions of 5 words; the prior reads at most 4", [5, .. payload[1..]]);
        Refused("the captions of 40 maps alone take 60", payload[..30]);
        Refused("names word 15; the prior knows 9", [3, 0xFF, .. payload[2..]]);
    }

    [Fact]
    public void PriorsOfOtherEncodersHaveOtherFingerprints()
    {
        using var scope = NewDisposeScope();
        using var prior = (CodePrior)Make("CodeTransformer");
        var before = new PriorCoder(prior).Fingerprint.ToArray();
        using (no_grad()) prior.named_parameters().Single(p => p.name == "text.out.bias").parameter.add_(1e-3);
        Assert.NotEqual(before, new PriorCoder(prior).Fingerprint.ToArray());
    }

    [Theory]
    [MemberData(nameof(All))]
    public void WrongConditionsAreRefusedByName(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Make(name);
        var codes = Codes(name, 3);
        void Refused(string said, Tensor? condition) => Assert.Contains(said,
            Assert.ThrowsAny<ArgumentException>(() => model.call(codes, condition)).Message, StringComparison.Ordinal);
        Refused("captions are missing", null);
        Refused("Index 9 at position [1, 0] of captions is out of range; allowed: 0 to 8", tensor(new long[,] { { 1 }, { 9 }, { 2 } }));
        Refused("captions have 5 words; the prior reads 1 to 4", ones([3, 5], dtype: ScalarType.Int64));
        Refused("[3]", tensor(new long[] { 0, 1, 2 }));
        Refused("expected Int64", ones([3, 2]));
        Refused("[2, 2]", ones([2, 2], dtype: ScalarType.Int64));
    }

    [Fact]
    public void AMapIsToldOneCondition()
    {
        foreach (var options in new PriorOptions[]
        {
            new PixelCnnOptions { Classes = 2, Captions = Reader }, new PixelSnailOptions { Classes = 2, Captions = Reader },
            new CodeTransformerOptions { Classes = 2, Captions = Reader },
            new NextScaleTransformerOptions { Classes = 2, Captions = Reader },
            new DelayedCodeTransformerOptions { Classes = 2, Captions = Reader },
        })
        {
            var problem = Assert.Single(options.Validate());
            Assert.Equal("Classes", problem.Field);
            Assert.Empty((options with { Classes = 0 }).Validate());
            Assert.NotEmpty((options with { Classes = 0, Captions = Reader with { Heads = 3 } }).Validate());
        }
        using var scope = NewDisposeScope();
        using var plain = new CodeTransformer(new() { CodebookSize = 5, Width = 8, Heads = 2, MaxLength = 4 });
        Assert.Contains("reads no captions", Assert.Throws<ArgumentException>(
            () => plain.call(zeros([1, 2, 2], dtype: ScalarType.Int64), ones([1, 2], dtype: ScalarType.Int64))).Message,
            StringComparison.Ordinal);
        Assert.Null(plain.Captions);
    }

    [Fact]
    public void WhatIsToldNothingKeepsItsWeights()
    {
        // The encoder is drawn last: a model of captions begins with the weights of the same model without them.
        using var scope = NewDisposeScope();
        using Generator one = new(5), two = new(5);
        using var plain = new CodeTransformer(new() { CodebookSize = 5, Width = 8, Heads = 2, MaxLength = 4 }, one);
        using var told = new CodeTransformer(new() { CodebookSize = 5, Width = 8, Heads = 2, MaxLength = 4, Captions = Reader }, two);
        var theirs = told.state_dict();
        foreach (var (key, value) in plain.state_dict()) Golden.Same(value, theirs[key], key);
        Assert.Equal(["blocks", "head", "ln_f", "pos", "text", "tok"],
            theirs.Keys.Select(key => key.Split('.')[0]).Distinct().Order(StringComparer.Ordinal));
    }
}

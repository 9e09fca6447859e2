using Cresset.Data;
using Cresset.Recipes;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Recipes;

public sealed class ScenesDataTests
{
    [Fact]
    public void CaptionsThatAreHeldBackAreNeverLearnedFrom()
    {
        using var scope = NewDisposeScope();
        using var data = Open(new ScenesData { Count = 600, Seed = 3 });
        var captions = data.Facts.Captions!;
        Assert.Equal(3 * 9 * 3, captions.Count);
        Assert.Equal(captions.Count, captions.Distinct().Count());
        var learned = data.Train.Take(data.Train.Count).Targets!.data<long>().ToHashSet();
        var tested = data.Test!.Take(data.Test!.Count).Targets!.data<long>().ToHashSet();
        Assert.Empty(learned.Intersect(tested));
        Assert.All(tested, label => Assert.InRange(label, 0, 7));
        // Every word is learned all the same.
        var words = learned.SelectMany(label => captions[(int)label].Split(' ')).ToHashSet();
        Assert.All(captions, caption => Assert.All(caption.Split(' '), word => Assert.Contains(word, words)));
    }

    [Fact]
    public void MoreThingsCoverMoreOfTheGroundAndASeedRepeats()
    {
        using var scope = NewDisposeScope();
        var options = new ScenesData { Count = 400, Things = SceneThings.Digits, Grounds = ["gravel"], HeldOut = 0, Size = 32 };
        using var data = Open(options);
        using var again = Open(options);
        using var other = Open(options with { Seed = 1 });
        Assert.Null(data.Test);
        Assert.Equal(data.Fingerprint, again.Fingerprint);
        Assert.NotEqual(data.Fingerprint, other.Fingerprint);
        var all = data.Train.Take(400);
        var bright = all.Inputs.gt(0.62).to(ScalarType.Float32).sum([1, 2, 3]).data<float>().ToArray();
        var labels = all.Targets!.data<long>().ToArray();
        double Mean(string number) =>
            Enumerable.Range(0, 400).Where(i => data.Facts.Captions![(int)labels[i]].StartsWith(number, StringComparison.Ordinal))
                .Average(i => bright[i]);
        // Ink is brighter than dimmed gravel ever is.
        Assert.InRange(Mean("three ") / Mean("one "), 2.3, 3.7);
        Assert.InRange(Mean("two ") / Mean("one "), 1.6, 2.5);
        Assert.InRange(all.Inputs.min().item<float>(), 0, 1);
        Assert.InRange(all.Inputs.max().item<float>(), 0.9, 1);
    }

    [Fact]
    public void AMiniatureLearnsSentences()
    {
        using var scope = NewDisposeScope();
        using var task = new Sd3MiniatureTask(
            new Sd3MiniatureOptions
            {
                Encoders = Cresset.Diffusion.MiniatureEncoders.All,
                PatchSize = 4,
                Width = 16,
                Heads = 1,
                Layers = 1,
                DrawSteps = 2
            }, Open(new ScenesData { Count = 200, Size = 24 }), 0);
        using var generator = new Generator(1);
        Assert.NotEmpty(task.Draw(["two ankle boots on gravel"], 1, generator).Pictures);
        Assert.Contains("It knows", Assert.Throws<ArgumentException>(() => task.Draw(["four ankle boots on gravel"], 1, generator)).Message,
            StringComparison.Ordinal);
    }

    private static DataSplit Open(ScenesData data) => data.Open(new DataUse(TargetKind.Caption, NeedsPictures: true));
}

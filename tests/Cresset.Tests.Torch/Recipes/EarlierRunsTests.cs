using Cresset.Quantization;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using Xunit;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>Runs, checkpoints, recipes and packed files that the first version wrote still open, go on and give their figures.</summary>
public sealed class EarlierRunsTests : IDisposable
{
    private static readonly string Earlier = Path.Combine(Repository.Root, "tests", "References", "earlier");
    private static readonly RecipeCatalog Catalog = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-earlier-").FullName;
    private readonly RunStore _store;

    public EarlierRunsTests()
    {
        foreach (var path in Directory.EnumerateFiles(Path.Combine(Earlier, "store"), "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(_folder, Path.GetRelativePath(Path.Combine(Earlier, "store"), path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target);
        }
        _store = RunStore.Open(_folder);
    }

    public static TheoryData<string> Names() =>
        [.. Directory.GetDirectories(Path.Combine(Earlier, "store")).Select(d => string.Join('-', Path.GetFileName(d).Split('-')[..^3]))];

    public void Dispose()
    {
        _store.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ARunIsListedEvaluatedAndFinished(string name)
    {
        var run = _store.Find(name);
        Assert.Equal(RunStatus.Finished, run.Status);
        Assert.NotEmpty(run.Summary);
        Assert.NotEmpty(_store.Series(run.Id));
        var runner = new RecipeRunner(_store, Catalog);
        Assert.Equal(name, runner.RecipeOf(run).Name);
        var evaluated = runner.Evaluate(run.Id);
        Assert.NotEmpty(evaluated.Outcome.Metrics);
        // The figures of the best model; where the last is the best, those that the run ended with.
        if (name == "digits-classifier") Assert.True(evaluated.Outcome.Metrics["accuracy"] >= run.Summary["accuracy"] - 1e-6);
        if (name is "walk19-nstep" or "zhao-gridworld-qlearning")
        {
            Assert.All(evaluated.Outcome.Metrics.Where(m => run.Summary.ContainsKey(m.Key)),
                m => Assert.Equal(run.Summary[m.Key], m.Value));
            Assert.Contains(evaluated.Outcome.Metrics.Keys, run.Summary.ContainsKey);
        }
    }

    [Theory]
    [InlineData("digits-classifier", "trainer.steps=26")]
    [InlineData("otcfm-moons", "trainer.steps=22")]
    [InlineData("realnvp-digits", "trainer.steps=10")]
    [InlineData("vqgan-digits", "trainer.steps=22")]
    [InlineData("pixelcnn-digits", "trainer.steps=10")]
    [InlineData("dqn-cartpole", "training.steps=700")]
    [InlineData("ppo-cartpole", "training.steps=3072")]
    public void ARunGoesOn(string name, string more)
    {
        var run = _store.Find(name);
        var before = _store.Series(run.Id).ToDictionary(s => s.Tag, s => _store.ReadSeries(run.Id, s.Tag));
        var resumed = new List<string>();
        var result = new RecipeRunner(_store, Catalog).Resume(run.Id, [more], progress: new Listener(resumed));
        Assert.True(result.Outcome.Completed);
        Assert.Contains(resumed, text => text.StartsWith("Resumed at step", StringComparison.Ordinal));
        Assert.All(result.Outcome.Metrics.Values, value => Assert.False(double.IsNaN(value)));
        // What it had recorded before is still there, point by point.
        foreach (var (tag, points) in before.Where(b => b.Key.StartsWith("train/", StringComparison.Ordinal)))
            Assert.Equal(points, _store.ReadSeries(run.Id, tag).Take(points.Count));
    }

    [Fact]
    public void PackedFilesAreRead()
    {
        foreach (var (file, name) in new[] { ("vqgan.cvq", "vqgan-digits"), ("prior.cvq", "pixelcnn-digits") })
        {
            using var tokenizer = TokenizerRun.Open(_store, name);
            using var prior = file == "prior.cvq" ? CodePriorRun.Open(_store, name) : null;
            PackedCodes packed;
            try
            {
                packed = PackedCodes.Read(Path.Combine(Earlier, "packed", file), prior is null ? null : new PriorCoder(prior.Prior));
            }
            catch (InvalidDataException refusal) when (prior is not null)
            {
                // Version 1 was exact only where libtorch sums as it did on the machine that wrote the file; elsewhere the line says what
                // to do.
                // That the reader itself is right is shown by AFileOfVersion1WrittenHereIsRead.
                Assert.Contains("on the machine that wrote it", refusal.Message, StringComparison.Ordinal);
                Assert.Contains("encode the pictures again", refusal.Message, StringComparison.Ordinal);
                continue;
            }
            var each = tokenizer.Positions.Aggregate(1L, (a, b) => a * b) * tokenizer.CodebookSizes.Count;
            Assert.Equal(3 * each, packed.Codes.Length);
            using var pictures = tokenizer.Decode(packed.Codes);
            Assert.Equal([3L, 1, 8, 8], pictures.shape);
        }
    }

    [Fact]
    public void AFileOfVersion1WrittenHereIsRead()
    {
        using var tokenizer = TokenizerRun.Open(_store, "pixelcnn-digits");
        using var prior = CodePriorRun.Open(_store, "pixelcnn-digits");
        var (height, width) = ((int)tokenizer.Positions[0], (int)tokenizer.Positions[1]);
        var random = new Random(5);
        var codes = new long[3 * height * width];
        for (var i = 0; i < codes.Length; i++) codes[i] = random.Next((int)prior.Prior.CodebookSize);
        var path = Path.Combine(_folder, "version1.cvq");
        File.WriteAllBytes(path, Version1(prior.Prior, codes, height, width));
        var packed = PackedCodes.Read(path, new PriorCoder(prior.Prior));
        Assert.Equal(codes, packed.Codes.ToArray());
        Assert.Equal([3L, height, width], packed.Shape);
        // Another stream under the same checksum is refused.
        var other = Version1(prior.Prior, [.. codes.Select(c => (c + 1) % prior.Prior.CodebookSize)], height, width,
            sum: CodeChecksum.Of(codes));
        File.WriteAllBytes(path, other);
        var refusal = Assert.Throws<InvalidDataException>(() => PackedCodes.Read(path, new PriorCoder(prior.Prior)));
        Assert.Contains("do not match their checksum", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// Codes of three maps as version 1 wrote them: probabilities of the running machine's libtorch, position by position over all maps.
    /// </summary>
    private static byte[] Version1(CodePrior prior, long[] codes, int height, int width, uint? sum = null)
    {
        long[] classes = [3, 0, 7];
        var encoder = new RangeEncoder();
        var starts = new uint[prior.CodebookSize + 1];
        using (torch.no_grad())
        using (EvaluationMode.Of(prior))
        using (torch.NewDisposeScope())
        {
            using var session = prior.Begin(3, height, width, torch.tensor(classes));
            for (var position = 0; position < height * width; position++)
            {
                var probabilities = session.Next().to(torch.ScalarType.Float64).softmax(1).data<double>().ToArray();
                var chosen = new long[3];
                for (var map = 0; map < 3; map++)
                {
                    PriorCoder.Frequencies(probabilities.AsSpan(map * (int)prior.CodebookSize, (int)prior.CodebookSize), starts);
                    chosen[map] = codes[(map * height * width) + position];
                    encoder.Encode(starts[chosen[map]], starts[chosen[map] + 1] - starts[chosen[map]], starts[^1]);
                }
                session.Accept(chosen);
            }
        }
        byte[] payload = [.. BitPacking.Pack(classes, BitPacking.BitsFor(prior.Classes)), .. encoder.Finish()];
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write("CRESSETQ"u8);
        writer.Write((ushort)1);
        writer.Write((ushort)1);
        writer.Write((ushort)0);
        writer.Write((ushort)3);
        foreach (var size in new long[] { 3, height, width }) writer.Write(size);
        writer.Write((ushort)1);
        writer.Write((long)prior.CodebookSize);
        writer.Write((long)payload.Length);
        writer.Write(CodeChecksum.Of(stream.ToArray()));
        writer.Write(payload);
        writer.Write(sum ?? CodeChecksum.Of(codes));
        return stream.ToArray();
    }

    [Fact]
    public void AFolderOfTheFirstVersionTravelsAfterARepair()
    {
        var id = _store.Find("digits-classifier").Id;
        RunStore.Repair(_folder);
        var moved = Path.Combine(_folder, "elsewhere");
        Directory.CreateDirectory(moved);
        Directory.Move(Path.Combine(_folder, id), Path.Combine(moved, id));
        using var store = RunStore.OpenReadOnly(moved);
        Assert.Equal(_store.Get(id).Summary, store.Get(id).Summary);
        Assert.Equal(24, store.ReadSeries(id, "train/loss").Count);
    }

    private sealed class Listener(List<string> texts) : IProgress<TrainingReport>
    {
        public void Report(TrainingReport value)
        {
            if (value is NoticeReport notice) texts.Add(notice.Text);
        }
    }
}

using System.Text;
using Cresset.Recipes;
using Xunit;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>
/// Recipes from strangers: whatever the text is, there is a recipe or a <see cref="ConfigException"/> with file and line.
/// </summary>
public sealed class HostileRecipeTests
{
    [Fact]
    public void NestedAliasesAreRefusedBeforeTheyFillTheMemory()
    {
        var yaml = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 12; i++) yaml.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<ConfigException>(() => ConfigNode.Parse(yaml.ToString(), "r.yaml"));
        Assert.Contains("aliases", error.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 32L << 20);
    }

    [Theory]
    [InlineData("job: x\nvariants:\n  - {label: A, n\n    k: 1\n", 3)]
    [InlineData("job: x\ntrainer:\n\tsteps: 5\n", 3)]
    [InlineData("job: x\nlist: [1, 2\nother: 3\n", 2)]
    [InlineData("job: x\nlearning-rate: 1\nlearning_rate: 2\n", 3)]
    [InlineData("job: x\ntext: \"abc\n", 2)]
    [InlineData("job: *nothing\n", 1)]
    [InlineData("job: x\n\n\n\ntrainer:\n  steps: *n\n", 6)]
    [InlineData("? [a, b]\n: 1\n", 1)]
    [InlineData("job: x\0\n", 1)]
    [InlineData("job: x\nsteps: 3\0 0\n", 2)]
    [InlineData("job: x\nname: \u001b[31m\n", 2)]
    [InlineData("job: x\ntrainer: {steps: 3, steps: 4}\n", 2)]
    public void BrokenTextsNameTheirLine(string yaml, int line)
    {
        var error = Assert.Throws<ConfigException>(() => ConfigNode.Parse(yaml, "r.yaml"));
        Assert.Equal("r.yaml", error.Source.File);
        Assert.InRange(error.Source.Line, line, line + 2);
    }

    [Fact]
    public void AKeyThatIsGivenTwiceIsNoQuoteThatIsNotClosed()
    {
        var error = Assert.Throws<ConfigException>(() => ConfigNode.Parse("job: x\nseed: 1\nseed: 2\n", "r.yaml"));
        Assert.EndsWith("the key 'seed' is given twice.", error.Message, StringComparison.Ordinal);
    }

    // What a shell's <(...) gives is a pipe without a length; a device may have no end.
    [Fact]
    public void APipeIsReadAndADeviceWithoutEndIsRefused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "not run: this system has no /dev/zero");
        Assert.Throws<ConfigException>(() => new RecipeCatalog().Find("/dev/zero"));
        var folder = Directory.CreateTempSubdirectory("cresset-pipe-");
        try
        {
            var pipe = Path.Combine(folder.FullName, "pipe.yaml");
            using var written = System.Diagnostics.Process.Start("sh",
                ["-c", "mkfifo \"$0\" && printf 'job: digits-classifier\\ntrainer:\\n  steps: 7\\n' > \"$0\"", pipe]);
            for (var i = 0; i < 200 && !File.Exists(pipe); i++) Thread.Sleep(20);
            Assert.Equal("7", new RecipeCatalog().Find(pipe).Resolve().Flatten()["trainer.steps"]);
            Assert.True(written.WaitForExit(10_000));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void MutatedRecipesAreAnsweredOrRefused()
    {
        var texts = RecipeCatalog.Names.Select(n => new RecipeCatalog().Find(n).Yaml).ToArray();
        var random = new Random(20261129);
        const string Spice = "{}[]:,-&*!|>'\"%@`#?\t\n \0\u00e9\u2028ab0.~";
        foreach (var i in ReaderFuzz.Cases(1500))
        {
            var text = new StringBuilder(texts[random.Next(texts.Length)]);
            for (var edits = random.Next(1, 5); edits > 0; edits--)
            {
                var at = random.Next(text.Length);
                switch (random.Next(3))
                {
                    case 0: text[at] = Spice[random.Next(Spice.Length)]; break;
                    case 1: text.Insert(at, Spice[random.Next(Spice.Length)]); break;
                    default: text.Remove(at, Math.Min(text.Length - at - 1, random.Next(1, 12))); break;
                }
            }
            try
            {
                Recipe.Parse(text.ToString(), "r.yaml", "r", BuiltInParts.Catalog).Resolve();
            }
            catch (ConfigException)
            {
                // The answer that a damaged recipe should get; any other exception fails the test.
            }
        }
    }
}

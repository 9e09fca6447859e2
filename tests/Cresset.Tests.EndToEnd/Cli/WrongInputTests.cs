using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>Every user's mistake: one clear line, the right exit code, no stack trace, nothing lost.</summary>
public sealed class WrongInputTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-wrong-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("train digits-clasifier", "there is no recipe 'digits-clasifier'. Did you mean 'digits-classifier'?")]
    [InlineData("train digits-classifier trainer.stepps=5", "unknown key 'trainer.stepps'. Did you mean 'steps'?")]
    [InlineData("train digits-classifier trainer.steps=many", "trainer.steps is 'many'; expected a whole number.")]
    [InlineData("train digits-classifier trainer.steps=0", "trainer.steps is 0; allowed: at least 1.")]
    [InlineData("train missing.yaml", "there is no recipe file 'missing.yaml'.")]
    [InlineData("train bad.yaml", "bad.yaml, line 3: unknown key 'trainer.stepz'. Did you mean 'steps'?")]
    [InlineData("train digits-classifier --stpes 5", "unknown option '--stpes'")]
    [InlineData("train digits-classifier stray", "'stray' is not an override")]
    [InlineData("train digits-classifier device=cuda:99", "Device 'cuda:99'")]
    [InlineData("train digits-classifier data=nowhere", "data: unknown data 'nowhere'")]
    [InlineData("train --resume nothing", "There are no runs in")]
    [InlineData("eval nothing --runs empty", "There are no runs in", 1)]
    [InlineData("runs --limit 0", "--limit is 0; allowed: 1 or more.")]
    [InlineData("runs export x --format xml", "xml")]
    [InlineData("trian", "trian")]
    [InlineData("detct eval --gt a --dt b", "There is no verb 'detct'.\ncresset: did you mean 'detect'?")]
    [InlineData("sample x --temperature 0,7", "--temperature is '0,7'; a number (with a decimal point) is expected.")]
    [InlineData("sample x --seed -1", "--seed is '-1'; a whole number from 0 up is expected.")]
    [InlineData("sample x --count 99999999999", "--count is '99999999999'; a whole number of at most 2147483647 is expected.")]
    [InlineData("sample x --format bmp", "--format is 'bmp'; allowed: png, gif, npy, csv, safetensors.")]
    [InlineData("detect eval --gt a --dt b --protocol COCO", "--protocol is 'COCO'; allowed: coco, ")]
    [InlineData("detect eval --gt a --dt b --iou 0,5", "--iou is '0,5'; a number")]
    [InlineData("sample x -o s.png --runs empty", "name a folder")]
    [InlineData("sample x @word", "There are no runs in", 1)]
    [InlineData("activations plot nothere", "lists all")]
    [InlineData("activations plot gelu -o a.txt", "end its name in .png")]
    [InlineData("runs --runs bad.yaml", "--runs is 'bad.yaml', which is a file")]
    [InlineData("train --resume x --print-config", "does not go with --resume")]
    [InlineData("train digits-classifier --dry-run --print-config", "they go with neither --watch nor --print-config")]
    [InlineData("train digits-classifier --find-lr --watch", "they go with neither --watch nor --print-config")]
    [InlineData("sweep digits-classifier lr=1,2 --goal max", "--goal goes with --search halving; --search is grid.")]
    [InlineData("sweep digits-classifier lr=1,2 --search random --budget 1 --factor 2", "--factor goes with --search halving")]
    [InlineData("sweep digits-classifier lr=1e-3,2e-3 lr=3e-3", "'lr=1e-3 lr=3e-3' and 'lr=2e-3 lr=3e-3' are the same run")]
    [InlineData("sweep digits-classifier seed=1,2 --seeds 2", "'seed' and --seeds both set the seed")]
    [InlineData("inspect .", "is a folder; a file is expected.")]
    public void WrongUseIsOneLineAndExitCode2(string arguments, string message, int expected = 2)
    {
        File.WriteAllText(Path.Combine(_folder, "bad.yaml"), "job: digits-classifier\ntrainer:\n  stepz: 5\n");
        var (code, _, error) = CressetProcess.Run(_folder, arguments.Split(' '));
        Assert.Equal(expected, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        AssertNoTrace(error);
        Assert.False(Directory.Exists(Path.Combine(_folder, "runs"))
            && Directory.GetDirectories(Path.Combine(_folder, "runs")).Any(d => File.Exists(Path.Combine(d, "model.safetensors"))));
    }

    [Theory]
    [InlineData("train digits-classifier data=nowhere")]
    [InlineData("train digits-classifier trainer.batch_size=5000")]
    [InlineData("train digits-classifier trainer.init_from=nothing")]
    [InlineData("train digits-classifier trainer.freeze=[feetures]")]
    public void ATrainingThatIsRefusedLeavesNothing(string arguments)
    {
        Assert.NotEqual(0, CressetProcess.Run(_folder, arguments.Split(' ')).Code);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void CorruptGzipNamesFileAndFails()
    {
        var data = Directory.CreateDirectory(Path.Combine(_folder, "data")).FullName;
        foreach (var name in new[] { "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
            "t10k-labels-idx1-ubyte" })
        {
            using var stream = new GZipStream(File.Create(Path.Combine(data, name + ".gz")), CompressionLevel.Optimal);
            stream.Write(new byte[5000]);
        }
        var path = Path.Combine(data, "train-images-idx3-ubyte.gz");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..20]);
        var (code, _, error) = CressetProcess.Run(_folder, "train", "digits-classifier", $"model.data={data}");
        Assert.Equal(1, code);
        Assert.Contains(path, error, StringComparison.Ordinal);
        Assert.Contains("gzip", error, StringComparison.Ordinal);
        AssertNoTrace(error);
    }

    [Fact]
    public void ARunsFolderThatIsAFileIsRefused()
    {
        File.WriteAllText(Path.Combine(_folder, "taken"), "x");
        var (code, _, error) = CressetProcess.Run(_folder, "train", "--runs", "taken");
        Assert.Equal(1, code);
        Assert.Contains("taken", error, StringComparison.Ordinal);
        AssertNoTrace(error);
        Assert.Equal("x", File.ReadAllText(Path.Combine(_folder, "taken")));
    }

    [Fact]
    public void DamagedCheckpointsAreNamedAndNothingIsOverwritten()
    {
        Assert.Equal(0,
            CressetProcess.Run(_folder, "train", "digits-classifier", "trainer.steps=4", "trainer.checkpoint_every=2",
                "model.width=4").Code);
        var run = Assert.Single(Directory.GetDirectories(Path.Combine(_folder, "runs")));
        foreach (var file in Directory.GetFiles(Path.Combine(run, "checkpoints"), "*.safetensors")) File.WriteAllText(file, "rubbish");
        var (code, _, error) = CressetProcess.Run(_folder, "eval", "digits-classifier");
        Assert.Equal(1, code);
        Assert.Contains("is damaged", error, StringComparison.Ordinal);
        AssertNoTrace(error);
        Assert.All(Directory.GetFiles(Path.Combine(run, "checkpoints"), "*.safetensors"),
            file => Assert.Equal("rubbish", File.ReadAllText(file)));
    }

    [Fact]
    public void AnotherModelsCheckpointIsRefused()
    {
        Assert.Equal(0, CressetProcess.Run(_folder, "train", "digits-classifier", "trainer.steps=4", "model.width=4").Code);
        var run = Assert.Single(Directory.GetDirectories(Path.Combine(_folder, "runs")));
        var config = Path.Combine(run, "config.yaml");
        File.WriteAllText(config, File.ReadAllText(config).Replace("width: 4", "width: 6", StringComparison.Ordinal));
        var (code, _, error) = CressetProcess.Run(_folder, "eval", "digits-classifier");
        Assert.Equal(1, code);
        Assert.Contains("mis-shaped", error, StringComparison.Ordinal);
        Assert.Contains("features.0.weight", error, StringComparison.Ordinal);
        AssertNoTrace(error);
    }

    [Fact]
    public void AFullDiskFailsClearlyAndKeepsWhatWasThere()
    {
        var disk = Directory.CreateDirectory(Path.Combine(_folder, "disk")).FullName;
        if (!Mount(disk)) return;
        try
        {
            Assert.Equal(0,
                CressetProcess.Run(_folder, "train", "digits-classifier", "trainer.steps=2", "model.width=2", "model.hidden=4", "--runs",
                    disk).Code);
            var before = Assert.Single(Directory.GetDirectories(disk));
            var weights = File.ReadAllBytes(Path.Combine(before, "model.safetensors"));
            var (code, _, error) = CressetProcess.Run(_folder, "train", "digits-classifier", "trainer.steps=2", "model.width=2",
                "model.hidden=20000", "--runs", disk);
            Assert.Equal(1, code);
            AssertNoTrace(error);
            Assert.Contains("space", error, StringComparison.OrdinalIgnoreCase);
            Assert.Equal(weights, File.ReadAllBytes(Path.Combine(before, "model.safetensors")));
            Assert.Empty(Directory.GetFiles(disk, "*.tmp", SearchOption.AllDirectories));
            Assert.Contains("finished", CressetProcess.Run(_folder, "runs", "--json", "--runs", disk).Output, StringComparison.Ordinal);
        }
        finally
        {
            Process.Start("umount", ["-l", disk]).WaitForExit();
        }
    }

    [Fact]
    public void EveryVerbHasHelpWithAnExample()
    {
        var root = CressetProcess.Run(_folder, "--help");
        Assert.Equal(0, root.Code);
        // The page of all verbs builds none of them; its lines are those that the verbs have when they are built.
        var built = JsonDocument.Parse(CressetProcess.Run(_folder, "list", "verbs", "--json").Output).RootElement.EnumerateArray()
            .Where(v => !v.GetProperty("verb").GetString()!.Contains(' ', StringComparison.Ordinal)).ToList();
        Assert.True(built.Count > 15);
        foreach (var verb in built)
        {
            var name = verb.GetProperty("verb").GetString()!;
            var line = Assert.Single(root.Output.Split('\n'), l => l.TrimStart().Split(' ', ',')[0] == name);
            Assert.EndsWith(verb.GetProperty("summary").GetString()!, line.TrimEnd(), StringComparison.Ordinal);
        }
        // What a shell completes is not an argument's name.
        Assert.DoesNotContain("digits-classifier|", root.Output + CressetProcess.Run(_folder, "train", "--help").Output,
            StringComparison.Ordinal);
        foreach (var verb in new[] { "list", "train", "eval", "sample", "runs", "doctor", "completion" })
        {
            Assert.Contains(verb, root.Output, StringComparison.Ordinal);
            var help = CressetProcess.Run(_folder, verb, "--help");
            Assert.Equal(0, help.Code);
            Assert.Contains("Examples:", help.Output, StringComparison.Ordinal);
        }
        Assert.Contains("compdef", CressetProcess.Run(_folder, "completion", "zsh").Output, StringComparison.Ordinal);
        Assert.Contains("train", CressetProcess.Run(_folder, "[suggest:9]", "cresset tr").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void DoctorPassesInSeveralProcessesAtOnce()
    {
        var processes = Enumerable.Range(0, 3).Select(_ => CressetProcess.Start(_folder, null, "doctor")).ToList();
        foreach (var process in processes)
        {
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, output);
            Assert.Contains("libtorch", output, StringComparison.Ordinal);
            process.Dispose();
        }
        Assert.False(Directory.Exists(Path.Combine(Repository.Root, "artifacts", "bin", "Cresset.Cli", "release", "cpu")),
            "TorchSharp fell back to copying libtorch");
    }

    [Fact]
    public void DoctorNamesAFolderThatIsNotLookedAt()
    {
        var variables = new Dictionary<string, string> { ["CRESSET_LIBTORCH"] = "/nowhere at all" };
        var (code, output, _) = CressetProcess.RunAlone(_folder, variables, "doctor");
        Assert.Equal(0, code);
        Assert.Contains("CRESSET_LIBTORCH is '/nowhere at all', which is not looked at", output, StringComparison.Ordinal);
        Assert.DoesNotContain("CRESSET_LIBTORCH", CressetProcess.RunAlone(_folder, null, "doctor").Output, StringComparison.Ordinal);
    }

    private static void AssertNoTrace(string error)
    {
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", error, StringComparison.Ordinal);
    }

    // A disk of two megabytes needs the right to mount; elsewhere this test has nothing to say.
    private static bool Mount(string folder)
    {
        if (!OperatingSystem.IsLinux()) return false;
        try
        {
            using var mount =
                Process.Start(
                    new ProcessStartInfo("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]) { RedirectStandardError = true })!;
            mount.WaitForExit();
            return mount.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}

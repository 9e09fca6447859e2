using System.Text.Json;
using Cresset.Tests.EndToEnd.Cli;
using Xunit;

namespace Cresset.Tests.EndToEnd.Nn;

/// <summary>
/// Activations, optimizers, stochastic approximation, upsampling and the studies as a user runs them: pictures exist, wrong names get the
/// nearest, exit codes.
/// </summary>
public sealed class PictureCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-pictures-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ActivationsAreListed()
    {
        var text = Ok("activations");
        Assert.Contains("swiglu", text, StringComparison.Ordinal);
        var entries = JsonDocument.Parse(Ok("activations", "--json")).RootElement.EnumerateArray().ToList();
        Assert.True(entries.Count >= 75, $"{entries.Count} activations");
        Assert.Contains(entries, e => e.GetProperty("name").GetString() == "silu" && e.GetProperty("formula").GetString()!.Length > 0);
    }

    [Fact]
    public void ActivationsAreDrawn()
    {
        Assert.Contains("gates.png", Ok("activations", "plot", "silu", "gelu", "elu(alpha=0.5)", "-o", "gates.png"),
            StringComparison.Ordinal);
        IsPng("gates.png");
        Wrong("mish", "activations", "plot", "mihs");
        Wrong("from must be below to", "activations", "plot", "mish", "--from", "3", "--to", "1");
        Assert.False(File.Exists(Path.Combine(_folder, "activations.png")));
    }

    [Fact]
    public void OptimizersRace()
    {
        var text = Ok("optim", "race", "--optimizers", "sgd,adamw,adabelief", "--steps", "20", "--no-net", "--out", "race");
        Assert.Contains("adamw", text, StringComparison.OrdinalIgnoreCase);
        foreach (var name in new[] { "rosenbrock", "beale" }) IsPng(Path.Combine("race", name + ".png"));
        Wrong("adamw", "optim", "race", "--optimizers", "admaw");
        Assert.Contains("prodigy", Ok("optim", "list"), StringComparison.Ordinal);
    }

    [Fact]
    public void StochasticApproximationIsShown()
    {
        Assert.Contains("far", Ok("sa", "demo", "--out", "sa"), StringComparison.OrdinalIgnoreCase);
        foreach (var name in new[] { "mean", "root", "sgd" }) IsPng(Path.Combine("sa", name + ".png"));
        Assert.Contains("yes", Ok("sa", "rules", "1/k"), StringComparison.Ordinal);
        Wrong("k", "sa", "rules", "1//k");
    }

    [Fact]
    public void UpsamplingIsDrawn()
    {
        var answer = JsonDocument.Parse(Ok("upsampling", "--steps", "5", "--out", "up", "--json")).RootElement;
        Assert.All(answer.GetProperty("pictures").EnumerateArray(), p => IsPng(p.GetString()!));
        var scores = answer.GetProperty("checkerboard").EnumerateArray()
            .ToDictionary(s => s.GetProperty("layer").GetString()!, s => s.GetProperty("fresh").GetDouble());
        Assert.True(scores["transposed, kernel 3"] > 0.2, "uneven overlap shows");
        Assert.True(scores["pixel shuffle"] > 0.02, "independent sub-kernels show");
        Assert.Equal(0, scores["pixel shuffle, ICNR"], 1e-5);
        Assert.Equal(0, scores["resize, then convolution"], 1e-5);
        Wrong("astronaut", "upsampling", "--picture", "astronaunt");
        Wrong("--edge is 3", "upsampling", "--edge", "3");
    }

    [Fact]
    public void AStudyRunsAndIsItsOwnEvaluation()
    {
        var trained = Ok("train", "activation-study", "study.seeds=1", "study.steps=5", "study.depth=2", "study.activations=[relu, mish]");
        Assert.Contains("mish", trained, StringComparison.Ordinal);
        var run = Directory.GetDirectories(Path.Combine(_folder, "runs")).Single(d => File.Exists(Path.Combine(d, "study.md")));
        Assert.Contains("| mish |", File.ReadAllText(Path.Combine(run, "study.md")), StringComparison.Ordinal);
        Assert.NotEmpty(Directory.GetFiles(run, "*.png", SearchOption.AllDirectories));
        Assert.Contains("accuracy/mish", Ok("eval", "activation-study"), StringComparison.Ordinal);
        Wrong("does not generate", "sample", "activation-study");
    }

    [Fact]
    public void TheSegmentationStudyRuns()
    {
        var trained = Ok("train", "unet-digits-segmentation", "study.steps=2", "study.batch_size=2", "study.test_scenes=4",
            "study.channels=[4, 8]", "study.size=24", "study.upsamplers=[Carafe, PixelShuffle]");
        Assert.Contains("Carafe", trained, StringComparison.OrdinalIgnoreCase);
        var run = Directory.GetDirectories(Path.Combine(_folder, "runs")).Single(d => File.Exists(Path.Combine(d, "study.md")));
        Assert.Contains("| pixel-shuffle |", File.ReadAllText(Path.Combine(run, "study.md")), StringComparison.Ordinal);
        Assert.NotEmpty(Directory.GetFiles(run, "*.png", SearchOption.AllDirectories));
        Assert.Contains("mean_iou", Ok("eval", "unet-digits-segmentation"), StringComparison.Ordinal);
        Wrong("does not generate", "sample", "unet-digits-segmentation");
    }

    [Fact]
    public void SuperResolutionTrainsAndIsEvaluated()
    {
        Ok("train", "espcn-x2", "trainer.steps=4", "trainer.evaluate_every=4", "trainer.checkpoint_every=4", "trainer.batch_size=2",
            "model.features=[4]");
        var run = Directory.GetDirectories(Path.Combine(_folder, "runs")).Single();
        Assert.NotEmpty(Directory.GetFiles(run, "*.png", SearchOption.AllDirectories));
        Assert.Contains("psnr", Ok("eval", "espcn-x2"), StringComparison.Ordinal);
    }

    private string Ok(params string[] arguments)
    {
        var (code, output, error) = CressetProcess.Run(_folder, arguments);
        Assert.True(code == 0, $"cresset {string.Join(' ', arguments)} ended with {code}: {error}");
        return output;
    }

    private void Wrong(string message, params string[] arguments)
    {
        var (code, _, error) = CressetProcess.Run(_folder, arguments);
        Assert.Equal(2, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    private void IsPng(string path)
    {
        var bytes = File.ReadAllBytes(Path.Combine(_folder, path));
        Assert.Equal("PNG"u8.ToArray(), bytes[1..4]);
        Assert.True(bytes.Length > 2000, $"{path}: {bytes.Length} bytes");
    }
}

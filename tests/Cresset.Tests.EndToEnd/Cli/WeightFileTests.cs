using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>inspect and convert, run as a user runs them.</summary>
public sealed class WeightFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-weights-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ACheckpointIsLookedAtAndConverted()
    {
        File.Copy(Repository.Reference("pytorch/pt26_training-adamw.pth"), Path.Combine(_folder, "a.pth"));
        var (code, output, _) = CressetProcess.Run(_folder, "inspect", "a.pth", "--check");
        Assert.Equal(0, code);
        foreach (var part in new[] { "0.weight", "[4, 3]", "state dict 'state_dict'", "optimizers   'optimizer'", "argparse.Namespace",
            "all agree", "epoch: 7" }) Assert.Contains(part, output, StringComparison.Ordinal);
        (code, output, _) = CressetProcess.Run(_folder, "convert", "a.pth", "a.safetensors", "--dtype", "fp16", "--drop", "2.");
        Assert.Equal(0, code);
        Assert.Contains("left out     key 2.weight", output, StringComparison.Ordinal);
        Assert.Contains("converted    0.bias: F32 to F16", output, StringComparison.Ordinal);
        (code, output, _) = CressetProcess.Run(_folder, "inspect", "a.safetensors", "--json");
        Assert.Equal(0, code);
        using var json = System.Text.Json.JsonDocument.Parse(output);
        Assert.Equal("F16",
            json.RootElement.GetProperty("tensors").EnumerateArray().First(t => t.GetProperty("name").GetString() == "0.weight")
                .GetProperty("type").GetString());
        string error;
        (code, _, error) = CressetProcess.Run(_folder, "convert", "a.pth", "a.safetensors");
        Assert.Equal(2, code);
        Assert.Contains("a.safetensors exists", error, StringComparison.Ordinal);
    }

    [Fact]
    public void SeveralStateDictsAreListed()
    {
        var (code, output, _) = CressetProcess.Run(_folder, "inspect", Repository.Reference("pytorch/pt26_both.pth"));
        Assert.Equal(0, code);
        Assert.Contains("'params', 'params_ema'", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("inspect nothing.pt", "nothing.pt", 2)]
    [InlineData("inspect page.pt", "web page", 1)]
    [InlineData("convert page.pt x.pt", ".safetensors and .npz are written", 2)]
    [InlineData("convert page.pt x.npz --rename =a", "expected OLD=NEW", 2)]
    [InlineData("convert page.pt x.npz --dtype int9", "--dtype is 'int9'", 2)]
    public void MistakesAreOneLine(string arguments, string message, int expected)
    {
        File.WriteAllText(Path.Combine(_folder, "page.pt"), "<!DOCTYPE html><title>Sign in</title>");
        var (code, _, error) = CressetProcess.Run(_folder, arguments.Split(' '));
        Assert.Equal(expected, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }
}

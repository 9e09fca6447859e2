using System.Text.Json;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>A run trained, exported and refused, as a user does it.</summary>
public sealed class ExportCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-export-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ARunBecomesFilesOfOtherPrograms()
    {
        if (!OperatingSystem.IsLinux()) return;
        Assert.Equal(0, CressetProcess.Run(_folder, "train", "digits-classifier", "trainer.steps=10", "-q").Code);
        var (code, output, error) = CressetProcess.Run(_folder, "export", "digits-classifier", "-o", "digits.onnx");
        Assert.True(code == 0, error);
        Assert.Contains("picture [batch, 1, 8, 8] -> probabilities [batch, 10]", output, StringComparison.Ordinal);
        Assert.Equal(2, output.Split("verified:").Length - 1);
        Assert.True(new FileInfo(Path.Combine(_folder, "digits.onnx")).Length > 1000);

        (code, _, error) = CressetProcess.Run(_folder, "export", "digits-classifier", "-o", "digits.onnx");
        Assert.Equal(2, code);
        Assert.Contains("digits.onnx exists; add --force", error, StringComparison.Ordinal);

        (code, output, error) = CressetProcess.Run(_folder, "export", "digits-classifier", "--float16", "-o", "half.onnx", "--json");
        Assert.True(code == 0, error);
        using (var json = JsonDocument.Parse(output)) Assert.True(json.RootElement[0].GetProperty("largest_difference").GetDouble() < 2e-2);
        Assert.True(
            new FileInfo(Path.Combine(_folder, "half.onnx")).Length < 0.6 * new FileInfo(Path.Combine(_folder, "digits.onnx")).Length);

        (code, _, error) = CressetProcess.Run(_folder, "export", "digits-classifier", "--dynamic", "height", "-o", "h.onnx");
        Assert.Equal(2, code);
        Assert.Contains("this model lets batch vary", error, StringComparison.Ordinal);

        (code, _, error) = CressetProcess.Run(_folder, "export", "digits-classifier", "--format", "safetensors", "-o", "w.safetensors");
        Assert.True(code == 0, error);
        Assert.True(File.Exists(Path.Combine(_folder, "w.safetensors")));
        (code, _, error) = CressetProcess.Run(_folder, "export", "digits-classifier", "--format", "safetensors", "--float16", "-o",
            "h.safetensors");
        Assert.True(code == 0, error);
        long Size(string name) => new FileInfo(Path.Combine(_folder, name)).Length;
        Assert.True(Size("h.safetensors") < 0.7 * Size("w.safetensors"));
        foreach (var (options, said) in new[]
        {
            ("--format safetensors --tolerance 1", "--tolerance is for --format onnx"),
            ("--format safetensors --dynamic batch", "--dynamic is for --format onnx"),
            ("--tolerance nan", "--tolerance is NaN"),
            ("--tolerance -1", "--tolerance is -1"),
        })
        {
            (code, _, error) = CressetProcess.Run(_folder, ["export", "digits-classifier", "-o", "t.onnx", .. options.Split(' ')]);
            Assert.Equal(2, code);
            Assert.Contains(said, error, StringComparison.Ordinal);
        }
    }
}

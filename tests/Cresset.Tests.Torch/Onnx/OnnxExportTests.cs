using Cresset.Onnx;
using Cresset.Onnx.Format;
using Cresset.Onnx.Verification;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Onnx;

/// <summary>What the file holds: names, sizes that vary, metadata, weights beside it, nothing left of the tracing.</summary>
public sealed class OnnxExportTests : IDisposable
{
    private static readonly OnnxExportOptions Verified = new() { Verifier = new OnnxRuntimeVerifier() };
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-onnx-").FullName;

    private string File1 => Path.Combine(_folder, "m.onnx");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void WeightsKeepTheirNamesAndNothingOfTheTracingIsLeft()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        using var net = nn.Sequential(("conv", nn.Conv2d(4, 8, 3, padding: 1L)), ("norm", nn.BatchNorm2d(8)), ("act", nn.SiLU()),
            ("flat", nn.Flatten()), ("head", nn.Linear(512, 5)), ("drop", nn.Dropout(0.5)));
        var report = OnnxExport.Save(net, randn(2, 4, 8, 8), File1,
            Verified with
            {
                InputNames = ["image"],
                OutputNames = ["logits"],
                Metadata = new Dictionary<string, string> { ["classes"] = "a,b" }
            });
        var graph = Read().Graph;
        Assert.Equal(["Conv", "BatchNormalization", "Sigmoid", "Mul", "Reshape", "Gemm"], graph.Node.Select(n => n.OpType));
        Assert.Equal(["conv.bias", "conv.weight", "head.bias", "head.weight", "norm.bias", "norm.running_mean", "norm.running_var",
            "norm.weight"],
            graph.Initializer.Select(i => i.Name).Where(n => n.Contains('.', StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal("image [batch, 4, 8, 8]", Assert.Single(report.Inputs));
        Assert.Equal("logits [batch, 5]", Assert.Single(report.Outputs));
        Assert.Equal("a,b", Read().MetadataProps.Single(p => p.Key == "classes").Value);
        Assert.Contains("training mode", Assert.Single(report.Warnings), StringComparison.Ordinal);
        Assert.Contains("Dropout", Assert.Single(report.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void OptionsThatWouldBeIgnoredAreRefused()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        using var net = nn.Linear(3, 2);
        foreach (var (said, options) in new[]
        {
            ("Tolerance is NaN", Verified with { Tolerance = double.NaN }),
            ("Tolerance is -1", Verified with { Tolerance = -1 }),
            ("2 InputNames", Verified with { InputNames = ["a", "b"] }),
            ("2 OutputNames", Verified with { OutputNames = ["a", "b"] }),
            ("'a' is given 2 times", Verified with { InputNames = ["a"], OutputNames = ["a"] }),
            ("is empty", Verified with { InputNames = [" "] }),
            ("'batch' is given 2 times", Verified with { DynamicAxes = [DynamicAxis.Batch, DynamicAxis.Batch] }),
            ("ExternalDataFrom is -1", Verified with { ExternalDataFrom = -1 }),
        })
        {
            var error = Assert.Throws<ArgumentException>(() => OnnxExport.Save(net, randn(2, 3), File1, options));
            Assert.Contains(said, error.Message, StringComparison.Ordinal);
            Assert.False(File.Exists(File1));
        }
    }

    [Fact]
    public void ResultsThatAreNotNumbersAreSaid()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        using var net = nn.Linear(3, 2);
        using (no_grad()) net.bias!.fill_(double.NaN);
        Assert.Contains("NaN", Assert.Single(OnnxExport.Save(net, randn(2, 3), File1, Verified).Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void HeightAndWidthMayVaryToo()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        using var net = new Composed(t =>
        {
            var (n, c, h, w) = (t.shape[0], t.shape[1], t.shape[2], t.shape[3]);
            var tokens = t.view(n, c, h * w).transpose(1, 2);
            return nn.functional.scaled_dot_product_attention(tokens, tokens, tokens).transpose(1, 2).reshape(n, c, h, w)
                + nn.functional.avg_pool2d(t, 2).repeat_interleave(2, 2).repeat_interleave(2, 3);
        });
        var options = Verified with { DynamicAxes = [DynamicAxis.Batch, new("height", 2), new("width", 3)] };
        var report = OnnxExport.Save(net, randn(2, 4, 6, 10), File1, options);
        Assert.Equal("output0 [batch, 4, height, width]", Assert.Single(report.Outputs));
        Assert.Contains("[8, 4, 18, 30]", report.Checks[1].Sizes, StringComparison.Ordinal);
        // A formula of one: the same file takes sizes that were never traced.
        using var session = new OnnxRuntimeVerifier().Open(File1);
        var other = randn(1, 4, 4, 2);
        Assert.True(session.Run([("input0", other)])[0].allclose(net.call(other), 1e-4, 1e-5));
    }

    [Fact]
    public void FixedSizesAndSeveralInputsAndResults()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        var report = OnnxExport.Save(t => [t[0] + t[1].unsqueeze(1), t[1] * t[1].shape[0]], [randn(3, 4), randn(3)], File1, Verified);
        Assert.Equal(["input0 [batch, 4]", "input1 [batch]"], report.Inputs);
        Assert.Equal(["output0 [batch, 4]", "output1 [batch]"], report.Outputs);
        report = OnnxExport.Save(t => [t[0].view(12).cumsum(0) / t[0].shape[0]], [randn(3, 4)], File1, Verified with { DynamicAxes = [] });
        Assert.Equal("input0 [3, 4]", Assert.Single(report.Inputs));
    }

    [Fact]
    public void LargeModelsKeepTheirWeightsBesideThem()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        using var net = nn.Linear(64, 32);
        OnnxExport.Save(net, randn(2, 64), File1, Verified with { ExternalDataFrom = 1000 });
        Assert.Equal(["m.onnx", "m.onnx.data"],
            Directory.EnumerateFileSystemEntries(_folder).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
        Assert.Equal(64 * 32 * 4, new FileInfo(File1 + ".data").Length);
        Assert.True(new FileInfo(File1).Length < 2000);
    }

    [Fact]
    public void Float16RunsAsItIs()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        using var net = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 4)).to(float16);
        var report = OnnxExport.Save(net, randn(2, 8).to(float16), File1, Verified);
        Assert.True(report.LargestDifference < 1e-2);
        Assert.All(Read().Graph.Initializer.Where(i => i.Name.EndsWith("weight", StringComparison.Ordinal)),
            i => Assert.Equal((int)OnnxType.Float16, i.DataType));
    }

    [Fact]
    public void ARuleOfOnesOwnIsTenLines()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        using var net = new Composed(t => t.abs().add(2).lgamma());
        // Stirling's series.
        var rules = OnnxRules.Default.Add("lgamma", o =>
        {
            var x = o.Tensor(0);
            string C(double value) => o.Scalar(value, o.ResultType);
            var ln = o.Emit("Log", [x]);
            var main = o.Emit("Sub", [o.Emit("Mul", [o.Emit("Sub", [x, C(0.5)]), ln]), x]);
            var tail = o.Emit("Div", [C(1 / 12.0), x]);
            return o.Emit("Add", [o.Emit("Add", [main, C(0.5 * Math.Log(2 * Math.PI))]), tail]);
        });
        Assert.True(OnnxExport.Save(net, randn(2, 4), File1, Verified with { Rules = rules, Tolerance = 1e-3 }).LargestDifference < 1e-3);
    }

    [Fact]
    public void WithoutAVerifierTheReportSaysSo()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        using var net = nn.ReLU();
        net.eval();
        Assert.Contains("not verified", Assert.Single(OnnxExport.Save(net, randn(2, 4), File1).Warnings), StringComparison.Ordinal);
    }

    /// <summary>ONNX's own rules, where a Python with an onnx package of our opset or newer is on the machine.</summary>
    [Fact]
    public void TheCheckerOfOnnxAgrees()
    {
        if (!OperatingSystem.IsLinux() || Python("import onnx; assert onnx.defs.onnx_opset_version() >= 20") != 0) return;
        using var scope = NewDisposeScope();
        foreach (var tested in OnnxLawTests.Cases.Where(
            c => c.Name is "ResNet-18" or "LSTM" or "TransformerEncoder of 2 layers" or "sort" or "written in place" or "UNet" or "MmDit"))
        {
            using var module = tested.Make();
            OnnxExport.Save(module, tested.Inputs(), File1);
            Assert.Equal(0, Python($"import onnx; onnx.checker.check_model(onnx.load('{File1}'), full_check=True)"));
        }
    }

    private static int Python(string program)
    {
        try
        {
            using var process =
                System.Diagnostics.Process.Start(
                    new System.Diagnostics.ProcessStartInfo("/usr/bin/python3", ["-c", program])
                    {
                        RedirectStandardError = true,
                        RedirectStandardOutput = true
                    })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }

    private ModelProto Read() => ModelProto.Parser.ParseFrom(File.ReadAllBytes(File1));
}

using Cresset.Onnx;
using Cresset.Onnx.Verification;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Samples.Snippets;

/// <summary>The code of docs/onnx.md.</summary>
internal static class OnnxSnippets
{
    public static void OutAndBack()
    {
        var folder = Directory.CreateTempSubdirectory("cresset-onnx-").FullName;
        var path = Path.Combine(folder, "net.onnx");
        using var scope = NewDisposeScope();
        using var net = nn.Sequential(("conv", nn.Conv2d(3, 8, 3, padding: 1L)), ("act", nn.SiLU()), ("pool", nn.AdaptiveAvgPool2d(1)),
            ("flat", nn.Flatten()), ("head", nn.Linear(8, 10)));
        Export(net, path);
        Run(path);
        AnySize(net, path);
        OwnRule(path);
        Directory.Delete(folder, recursive: true);
    }

    private static void Export(nn.Module<torch.Tensor, torch.Tensor> net, string path)
    {
        var report = OnnxExport.Save(net, randn(2, 3, 32, 32), path, new OnnxExportOptions
        {
            InputNames = ["picture"],
            OutputNames = ["logits"],
            Verifier = new OnnxRuntimeVerifier(),
        });
        Console.WriteLine(report);
    }

    private static void Run(string path)
    {
        using var session = new InferenceSession(path);
        var picture = new DenseTensor<float>(new float[3 * 32 * 32], [1, 3, 32, 32]);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("picture", picture)]);
        var logits = results[0].AsTensor<float>().ToArray();
        Console.WriteLine($"class {Array.IndexOf(logits, logits.Max())}");
    }

    private static void AnySize(nn.Module<torch.Tensor, torch.Tensor> net, string path)
    {
        var anySize = new OnnxExportOptions
        {
            DynamicAxes = [DynamicAxis.Batch, new("height", 2), new("width", 3)],
            Verifier = new OnnxRuntimeVerifier()
        };
        Console.WriteLine(OnnxExport.Save(net, randn(2, 3, 32, 32), path, anySize));
    }

    private static void OwnRule(string path)
    {
        var rules = OnnxRules.Default.Add("lgamma", o =>
        {
            var x = o.Tensor(0);
            var log = o.Emit("Log", [x]);
            var main = o.Emit("Sub", [o.Emit("Mul", [o.Emit("Sub", [x, o.Scalar(0.5, o.ResultType)]), log]), x]);
            var tail = o.Emit("Div", [o.Scalar(1 / 12.0, o.ResultType), x]);
            return o.Emit("Add", [o.Emit("Add", [main, o.Scalar(0.5 * Math.Log(2 * Math.PI), o.ResultType)]), tail]);
        });
        OnnxExport.Save(x => [x[0].lgamma()], [rand(4) + 3], path,
            new OnnxExportOptions { Rules = rules, Verifier = new OnnxRuntimeVerifier(), Tolerance = 1e-3 });
    }
}

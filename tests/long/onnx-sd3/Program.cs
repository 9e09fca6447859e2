using System.Globalization;
using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Onnx;
using static TorchSharp.torch;

// The transformer of Stable Diffusion 3 medium (24 layers of 24 heads) with random float16 weights, exported with its weights beside the
// file.
// Prints the size of the weights and how far the process grew: at most 1.2 times the weights.
var folder = args.Length > 0 ? args[0] : Directory.CreateTempSubdirectory("cresset-onnx-sd3-").FullName;
var layers = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 24;
var path = Path.Combine(folder, "mmdit.onnx");
var options = new MmDitOptions { Layers = layers };
using var model = new MmDit(options, new WeightPlace(ScalarType.Float16, Generator: new Generator(1)));
var weights = model.parameters().Sum(p => p.numel() * p.element_size()) + model.buffers().Sum(b => b.numel() * b.element_size());
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"weights: {weights / 1e6:0} MB, process before: {Peak() / 1e6:0} MB"));
var clock = System.Diagnostics.Stopwatch.StartNew();
using (NewDisposeScope())
{
    // A small picture: what is traced is the same for every size.
    Tensor[] example = [randn(1, 16, 8, 8).to(float16), tensor((float[])[500]).to(float16), randn(1, 7, options.TextWidth).to(float16),
        randn(1, options.PooledWidth).to(float16)];
    var report = OnnxExport.Save(model, example, path,
        new OnnxExportOptions { InputNames = ["latents", "times", "context", "pooled"], OutputNames = ["velocity"], DynamicAxes = [] });
    Console.WriteLine(report);
}
var data = new FileInfo(path + ".data").Length;
Console.WriteLine(
    string.Create(CultureInfo.InvariantCulture,
        $"file: {new FileInfo(path).Length / 1e6:0.0} MB, weights beside it: {data / 1e6:0} MB, {clock.Elapsed.TotalSeconds:0} s"));
Console.WriteLine(
    string.Create(CultureInfo.InvariantCulture,
        $"peak of the process: {Peak() / 1e6:0} MB, {Peak() / (double)weights:0.00} times the weights"));
return data >= weights * 0.99 && Peak() <= 1.2 * weights ? 0 : 1;

static long Peak() =>
    long.Parse(
        File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;

using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>
/// Writes TorchSharp modules, and plain functions of tensors, as ONNX files (opset 20) by tracing what they do to an example. Tracing works
/// on
/// Linux x64; the files run anywhere.
/// </summary>
public static class OnnxExport
{
    /// <summary>Writes a module of any class whose forward takes tensors and returns tensors, tuples or lists of them.</summary>
    /// <param name="module">The module, on the CPU; it is in evaluation mode meanwhile, and as it was afterwards.</param>
    /// <param name="exampleInputs">Inputs of the sizes and types that the file takes; what may vary stands in
    /// <see cref="OnnxExportOptions.DynamicAxes"/>.</param>
    /// <param name="path">The <c>.onnx</c> file.</param>
    /// <param name="options">Names, sizes that vary, verification, metadata.</param>
    /// <exception cref="NotSupportedException">Something cannot be exported: the operation, its module and source line are named. Nothing
    /// is written.</exception>
    /// <exception cref="ArgumentException">There is no example, it does not fit the module, or a dynamic axis does not exist.</exception>
    /// <exception cref="InvalidDataException">The verified file's results differ from the module's by more than the tolerance. Nothing is
    /// written.</exception>
    /// <exception cref="PlatformNotSupportedException">Not Linux on x64.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static OnnxExportReport Save(nn.Module module, IReadOnlyList<Tensor> exampleInputs, string path,
        OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        CheckExample(exampleInputs);
        return Save(module, exampleInputs, ModuleCall.Of(module, exampleInputs.Count), path, options);
    }

    /// <summary>Writes a module of one input.</summary>
    /// <inheritdoc cref="Save(nn.Module, IReadOnlyList{Tensor}, string, OnnxExportOptions?)"/>
    public static OnnxExportReport Save(nn.Module module, Tensor exampleInput, string path, OnnxExportOptions? options = null) =>
        Save(module, [exampleInput], path, options);

    /// <summary>Writes a function of tensors; the tensors it uses beside its inputs become constants of the file.</summary>
    /// <param name="function">Makes the results of the inputs, with tensor operations alone.</param>
    /// <param name="exampleInputs">Inputs of the sizes and types that the file takes.</param>
    /// <param name="path">The <c>.onnx</c> file.</param>
    /// <param name="options">Names, sizes that vary, verification, metadata.</param>
    /// <inheritdoc cref="Save(nn.Module, IReadOnlyList{Tensor}, string, OnnxExportOptions?)"/>
    public static OnnxExportReport Save(Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> function, IReadOnlyList<Tensor> exampleInputs,
        string path, OnnxExportOptions? options = null)
        => Save([], exampleInputs, function, path, options);

    /// <summary>Writes what a function makes of its inputs with a module's weights, which keep their names.</summary>
    /// <inheritdoc cref="Save(nn.Module, IReadOnlyList{Tensor}, string, OnnxExportOptions?)"/>
    /// <param name="module">Holds the weights; it is in evaluation mode meanwhile.</param>
    /// <param name="exampleInputs">Inputs of the sizes and types that the file takes.</param>
    /// <param name="function">Calls the module.</param>
    /// <param name="path">The <c>.onnx</c> file.</param>
    /// <param name="options">Names, sizes that vary, verification, metadata.</param>
    public static OnnxExportReport Save(
        nn.Module module, IReadOnlyList<Tensor> exampleInputs, Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> function, string path,
        OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        return Save([("", module)], exampleInputs, function, path, options);
    }

    /// <summary>
    /// Writes what a function makes of its inputs with the weights of several modules, whose names stand before those of their weights.
    /// </summary>
    /// <inheritdoc cref="Save(nn.Module, IReadOnlyList{Tensor}, string, OnnxExportOptions?)"/>
    /// <param name="modules">Hold the weights; they are in evaluation mode meanwhile.</param>
    /// <param name="exampleInputs">Inputs of the sizes and types that the file takes.</param>
    /// <param name="function">Calls the modules.</param>
    /// <param name="path">The <c>.onnx</c> file.</param>
    /// <param name="options">Names, sizes that vary, verification, metadata.</param>
    public static OnnxExportReport Save(
        IReadOnlyList<(string Name, nn.Module Module)> modules, IReadOnlyList<Tensor> exampleInputs,
        Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> function, string path,
        OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentNullException.ThrowIfNull(function);
        CheckExample(exampleInputs);
        CheckPath(path);
        if (!NativeTracer.IsSupported)
        {
            throw new PlatformNotSupportedException(
                $"Modules are traced on Linux x64 alone, and this is "
                    + $"{System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier}; export on Linux or in WSL: the file that is "
                    + $"written there runs anywhere.");
        }
        var chosen = options ?? new OnnxExportOptions();
        CheckOptions(chosen, exampleInputs.Count);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var warnings = new List<string>();
        using var mode = new EvaluationMode(modules, warnings);
        var job = new ExportJob(modules, exampleInputs, function, chosen, warnings);
        ModelFile model;
        using (new KernelPause()) model = job.Build();
        var checks = new List<OnnxCheck>();
        using (var written = model.Write(path, chosen.ExternalDataFrom))
        {
            if (chosen.Verifier is null)
                warnings.Add(
                    "not verified: nobody has run this file (set OnnxExportOptions.Verifier, such as OnnxRuntimeVerifier of "
                        + "Cresset.Onnx.Verification)");
            else checks.AddRange(job.Verify(chosen.Verifier, written.Path, model));
            written.Commit();
        }
        return new OnnxExportReport(path, [.. model.Proto.Graph.Input.Select(ModelFile.Describe)],
            [.. model.Proto.Graph.Output.Select(ModelFile.Describe)], model.Proto.Graph.Node.Count, checks, warnings);
    }

    private static void CheckExample(IReadOnlyList<Tensor> exampleInputs)
    {
        ArgumentNullException.ThrowIfNull(exampleInputs);
        if (exampleInputs.Count == 0)
            throw new ArgumentException("There is no example input; the module is traced while it runs on one.", nameof(exampleInputs));
        for (var i = 0; i < exampleInputs.Count; i++)
        {
            if (exampleInputs[i] is null || exampleInputs[i].IsInvalid)
                throw new ArgumentException($"Example input {i} is missing or was disposed.", nameof(exampleInputs));
            if (exampleInputs[i].device_type != DeviceType.CPU)
                throw new ArgumentException(
                    $"Example input {i} is on {exampleInputs[i].device_type}; move it and the module to the CPU for the export.",
                    nameof(exampleInputs));
            if (exampleInputs[i].numel() == 0)
                throw new ArgumentException($"Example input {i} has no elements (shape {Shape.Text(exampleInputs[i])}).",
                    nameof(exampleInputs));
            if (ElementTypes.Of(exampleInputs[i].dtype) is null)
                throw new ArgumentException($"Example input {i} is of {exampleInputs[i].dtype}, which has no counterpart in ONNX.",
                    nameof(exampleInputs));
        }
    }

    private static void CheckOptions(OnnxExportOptions options, int inputs)
    {
        // NaN would let every difference pass.
        if (options.Tolerance is { } tolerance && !(tolerance >= 0 && double.IsFinite(tolerance)))
            throw new ArgumentException(
                string.Create(System.Globalization.CultureInfo.InvariantCulture,
                    $"Tolerance is {tolerance}; allowed are finite numbers from 0, or null for that of the type."), nameof(options));
        if (options.ExternalDataFrom < 0)
            throw new ArgumentException($"ExternalDataFrom is {options.ExternalDataFrom}; allowed are numbers of bytes from 0.",
                nameof(options));
        if (options.InputNames.Count > inputs)
            throw new ArgumentException(
                $"There are {options.InputNames.Count} InputNames ({string.Join(", ", options.InputNames)}) for {inputs} "
                    + $"{(inputs == 1 ? "input" : "inputs")}.", nameof(options));
        string[] names = [.. options.InputNames, .. options.OutputNames];
        if (names.FirstOrDefault(string.IsNullOrWhiteSpace) is { } || names.Any(n => n is null))
            throw new ArgumentException("A name of an input or result is empty.", nameof(options));
        if (names.GroupBy(n => n, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ArgumentException(
                $"The name '{twice.Key}' is given {twice.Count()} times; inputs and results need names of their own.", nameof(options));
        if (options.DynamicAxes.GroupBy(a => a.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } axis)
            throw new ArgumentException(
                $"The dynamic axis '{axis.Key}' is given {axis.Count()} times; one that several inputs have names them (Inputs).",
                nameof(options));
    }

    // Before the long work, not after it.
    private static void CheckPath(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (Directory.Exists(path))
            throw new IOException($"{path} is a folder; name a file, such as {System.IO.Path.Combine(path, "model.onnx")}.");
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        try
        {
            Directory.CreateDirectory(folder);
            var probe = System.IO.Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
            using (File.Create(probe, 1, FileOptions.DeleteOnClose))
            {
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{path} cannot be written: {e.Message}", e);
        }
    }
}

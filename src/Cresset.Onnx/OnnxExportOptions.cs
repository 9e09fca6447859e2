namespace Cresset.Onnx;

/// <summary>How a module is exported.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>Names of the inputs; input0, input1 ... where none are given.</summary>
    public IReadOnlyList<string> InputNames { get; init; } = [];

    /// <summary>Names of the results; output0, output1 ... where none are given.</summary>
    public IReadOnlyList<string> OutputNames { get; init; } = [];

    /// <summary>
    /// Sizes that may vary; the first dimension of all inputs unless set. Each one costs a run of the module. Empty: all sizes are the
    /// example's.
    /// </summary>
    public IReadOnlyList<DynamicAxis> DynamicAxes { get; init; } = [DynamicAxis.Batch];

    /// <summary>
    /// Other inputs of the example's sizes. Whatever the module computes outside of tensor operations (from item(), data ...) must be the
    /// same for them. Where none are given the example's own values are used in another order.
    /// </summary>
    public IReadOnlyList<TorchSharp.torch.Tensor> CheckInputs { get; init; } = [];

    /// <summary>What operations become; add your own to <see cref="OnnxRules.Default"/>.</summary>
    public OnnxRules Rules { get; init; } = OnnxRules.Default;

    /// <summary>
    /// Runs the file and compares before it gets its name; null writes a file that nobody has checked, and the report says so.
    /// </summary>
    public IOnnxVerifier? Verifier { get; init; }

    /// <summary>
    /// The largest difference to the module that a verified file may show, as a share of the largest value of that result (at least 1);
    /// null takes 1e-4 for float32, 1e-8 for float64, 2e-2 for 16 bits.
    /// </summary>
    public double? Tolerance { get; init; }

    /// <summary>
    /// Bytes of weights from which they stand in a file of their own beside the ONNX file (NAME.data). ONNX files cannot pass 2 GB.
    /// </summary>
    public long ExternalDataFrom { get; init; } = 1_500_000_000;

    /// <summary>Free texts for the file.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

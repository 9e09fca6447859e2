using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>Runs ONNX files: <c>OnnxRuntimeVerifier</c> of Cresset.Onnx.Verification is one.</summary>
public interface IOnnxVerifier
{
    /// <summary>What runs the files, for reports.</summary>
    string Name { get; }

    /// <summary>Loads a file.</summary>
    /// <exception cref="NotSupportedException">The file is not accepted; the message says why.</exception>
    IOnnxSession Open(string path);
}

/// <summary>An ONNX file ready to run.</summary>
public interface IOnnxSession : IDisposable
{
    /// <summary>The results for the inputs, in the order of the file's outputs.</summary>
    IReadOnlyList<Tensor> Run(IReadOnlyList<(string Name, Tensor Value)> inputs);
}

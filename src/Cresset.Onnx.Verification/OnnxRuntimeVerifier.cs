using Microsoft.ML.OnnxRuntime;

namespace Cresset.Onnx.Verification;

/// <summary>Runs ONNX files in ONNX Runtime on the CPU.</summary>
public sealed class OnnxRuntimeVerifier : IOnnxVerifier
{
    /// <inheritdoc/>
    public string Name => "ONNX Runtime";

    /// <inheritdoc/>
    public IOnnxSession Open(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        try
        {
            return new OnnxRuntimeSession(new InferenceSession(path, options));
        }
        catch (OnnxRuntimeException e)
        {
            // float64 and bfloat16 have few kernels on the CPU.
            throw new NotSupportedException(
                $"ONNX Runtime does not take the file: {e.Message.ReplaceLineEndings(" ")} (on the CPU it lacks many operations in float64 "
                    + $"and bfloat16: convert the module to float32).", e);
        }
    }
}

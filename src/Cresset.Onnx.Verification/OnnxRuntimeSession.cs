using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Cresset.Onnx.Verification;

/// <summary>A file loaded by ONNX Runtime, between TorchSharp's tensors.</summary>
internal sealed class OnnxRuntimeSession(InferenceSession session) : IOnnxSession
{
    private readonly InferenceSession _session = session;

    public IReadOnlyList<Tensor> Run(IReadOnlyList<(string Name, Tensor Value)> inputs)
    {
        try
        {
            // What no result hangs on is not an input of the loaded file.
            using var results = _session.Run(
                [.. inputs.Where(i => _session.InputMetadata.ContainsKey(i.Name)).Select(i => ToRuntime(i.Name, i.Value))]);
            return [.. results.Select(FromRuntime)];
        }
        catch (OnnxRuntimeException e)
        {
            throw new NotSupportedException($"ONNX Runtime cannot run the file: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    public void Dispose() => _session.Dispose();

    private static NamedOnnxValue ToRuntime(string name, Tensor value)
    {
        int[] shape = [.. value.shape.Select(s => checked((int)s))];
        return value.dtype switch
        {
            ScalarType.Float32 => Make(value.data<float>().ToArray()),
            ScalarType.Float64 => Make(value.data<double>().ToArray()),
            ScalarType.Float16 => Make(MemoryMarshal.Cast<Half, Float16>(value.data<Half>().ToArray()).ToArray()),
            ScalarType.Int64 => Make(value.data<long>().ToArray()),
            ScalarType.Int32 => Make(value.data<int>().ToArray()),
            ScalarType.Int16 => Make(value.data<short>().ToArray()),
            ScalarType.Int8 => Make(value.data<sbyte>().ToArray()),
            ScalarType.Byte => Make(value.data<byte>().ToArray()),
            ScalarType.Bool => Make(value.data<bool>().ToArray()),
            _ => throw new NotSupportedException($"ONNX Runtime is not given tensors of {value.dtype} from here."),
        };

        NamedOnnxValue Make<T>(T[] values) => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<T>(values, shape));
    }

    private static Tensor FromRuntime(DisposableNamedOnnxValue value)
    {
        return value.ElementType switch
        {
            TensorElementType.Float => Make<float>(v => tensor(v)),
            TensorElementType.Double => Make<double>(v => tensor(v)),
            TensorElementType.Float16 =>
                Make<Float16>(v => tensor(v.Select(x => (float)BitConverter.UInt16BitsToHalf(x.value)).ToArray()).to(ScalarType.Float16)),
            TensorElementType.Int64 => Make<long>(v => tensor(v)),
            TensorElementType.Int32 => Make<int>(v => tensor(v)),
            TensorElementType.Int16 => Make<short>(v => tensor(v)),
            TensorElementType.Int8 => Make<sbyte>(v => tensor(v)),
            TensorElementType.UInt8 => Make<byte>(v => tensor(v)),
            TensorElementType.Bool => Make<bool>(v => tensor(v)),
            _ => throw new NotSupportedException($"Results of type {value.ElementType} are not read here."),
        };

        Tensor Make<T>(Func<T[], Tensor> make)
        {
            var result = value.AsTensor<T>();
            return make([.. result]).reshape([.. result.Dimensions.ToArray().Select(d => (long)d)]);
        }
    }
}

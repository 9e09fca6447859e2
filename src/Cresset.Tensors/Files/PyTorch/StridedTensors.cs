using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Tensors of a checkpoint whose elements do not lie in the order of their shape: transposed, sliced, channels last, broadcast.
/// </summary>
internal static class StridedTensors
{
    public static Tensor Read(TensorFileData data, TorchTensor tensor, SafetensorsEntry entry)
    {
        var bytes = Gather(data, tensor, entry);
        if (!entry.Dtype.IsNative())
        {
            using var flat = SmallFloats.Decode(bytes, entry, data.Path);
            return flat.reshape(entry.Shape.ToArray());
        }
        var result = empty(entry.Shape.ToArray(), dtype: entry.Dtype.Scalar());
        using var scope = NewDisposeScope();
        bytes.CopyTo(result.view(-1).bytes);
        return result;
    }

    public static void CopyBytes(TensorFileData data, TorchTensor tensor, SafetensorsEntry entry, Stream target) =>
        target.Write(Gather(data, tensor, entry));

    // The elements between the first and the last are read once; a walk over the shape picks them.
    private static byte[] Gather(TensorFileData data, TorchTensor tensor, SafetensorsEntry entry)
    {
        if (tensor.Storage is null || entry.Dtype == SafetensorsDtype.Unknown)
            throw new NotSupportedException(
                $"{data.Path}: '{entry.Name}' is a {entry.TypeName} tensor, which is not read; the others are.");
        var size = entry.Dtype.Bits() / 8;
        long extent = tensor.Extent * size;
        if (Math.Max(extent, entry.Length) > Array.MaxLength)
            throw new NotSupportedException(
                $"{data.Path}: '{entry.Name}' is a strided tensor over {extent} bytes; at most {Array.MaxLength} are gathered. Save it "
                    + $"with .contiguous().");
        var source = new byte[extent];
        data.Fill(source, entry.Offset);
        var target = new byte[entry.Length];
        switch (size)
        {
            case 1: Walk<byte>(source, target, tensor); break;
            case 2: Walk<ushort>(source, target, tensor); break;
            case 4: Walk<uint>(source, target, tensor); break;
            case 8: Walk<ulong>(source, target, tensor); break;
            default: Walk<UInt128>(source, target, tensor); break;
        }
        return target;
    }

    private static void Walk<T>(byte[] source, byte[] target, TorchTensor tensor)
        where T : unmanaged
    {
        ReadOnlySpan<T> from = MemoryMarshal.Cast<byte, T>(source);
        Span<T> to = MemoryMarshal.Cast<byte, T>(target.AsSpan());
        var place = new long[tensor.Shape.Length];
        long at = 0;
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = from[(int)at];
            for (var d = place.Length - 1; d >= 0; d--)
            {
                at += tensor.Strides[d];
                if (++place[d] < tensor.Shape[d]) break;
                at -= place[d] * tensor.Strides[d];
                place[d] = 0;
            }
        }
    }
}

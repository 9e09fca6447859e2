using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Writes what torch.load reads, also with <c>weights_only=True</c>: dictionaries, lists, plain values and dense tensors on the CPU, in the
/// zip layout that PyTorch has had since 1.6.
/// </summary>
internal sealed class TorchWriter
{
    private readonly Stream _pickle;
    private readonly List<byte[]> _storages = [];

    private TorchWriter(Stream pickle) => _pickle = pickle;

    /// <summary>Writes <paramref name="root"/>: <see cref="PickleDict"/>, <see cref="PickleSequence"/>, plain values, tensors.</summary>
    public static void Write(string path, object? root)
    {
        using var pickle = new MemoryStream();
        var writer = new TorchWriter(pickle);
        pickle.Write([0x80, 2]);
        writer.Value(root);
        pickle.WriteByte((byte)'.');
        AtomicFile.Write(path, stream =>
        {
            // A zip is written back and forth; what it goes to may be a pipe.
            using var whole = new MemoryStream();
            using (var zip = new ZipArchive(whole, ZipArchiveMode.Create, leaveOpen: true))
            {
                Add(zip, "data.pkl", pickle.ToArray());
                Add(zip, "byteorder", "little"u8.ToArray());
                for (var i = 0; i < writer._storages.Count; i++) Add(zip, FormattableString.Invariant($"data/{i}"), writer._storages[i]);
                Add(zip, "version", "3\n"u8.ToArray());
            }
            whole.Position = 0;
            whole.CopyTo(stream);
        });
    }

    private static void Add(ZipArchive zip, string name, byte[] content)
    {
        var entry = zip.CreateEntry("archive/" + name, CompressionLevel.NoCompression);
        // The same content is the same file.
        entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
        using var stream = entry.Open();
        stream.Write(content);
    }

    private void Value(object? value)
    {
        switch (value)
        {
            case null: Code('N'); break;
            case bool flag: _pickle.WriteByte(flag ? (byte)0x88 : (byte)0x89); break;
            case int small: Whole(small); break;
            case long whole: Whole(whole); break;
            case double number: Number(number); break;
            case string text: Text(text); break;
            case PickleGlobal global: Name(global.Module, global.Name); break;
            case PickleDict dict:
                Code('}');
                Code('(');
                foreach (var (key, inner) in dict.Items)
                {
                    Value(key);
                    Value(inner);
                }
                Code('u');
                break;
            case PickleSequence { Kind: PickleSequenceKind.List } list:
                Code(']');
                Code('(');
                foreach (var item in list.Items) Value(item);
                Code('e');
                break;
            case Tensor tensor: Dense(tensor); break;
            default: throw new NotSupportedException($"{value.GetType().Name} is no value of a PyTorch checkpoint that is written here.");
        }
    }

    private void Dense(Tensor tensor)
    {
        var (storage, size) = tensor.dtype switch
        {
            ScalarType.Float32 => ("FloatStorage", 4),
            ScalarType.Float64 => ("DoubleStorage", 8),
            ScalarType.Int64 => ("LongStorage", 8),
            var other => throw new NotSupportedException(
                $"A tensor of {other} is not written to PyTorch checkpoints; float32, float64 and int64 are."),
        };
        using var scope = NewDisposeScope();
        var bytes = tensor.detach().cpu().contiguous().bytes.ToArray();
        Name("torch._utils", "_rebuild_tensor_v2");
        Code('(');
        Code('(');
        Text("storage");
        Name("torch", storage);
        Text(_storages.Count.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Text("cpu");
        Whole(bytes.Length / size);
        Code('t');
        Code('Q');
        Whole(0);
        Sizes(tensor.shape);
        Sizes(Strides(tensor.shape));
        Value(false);
        Name("collections", "OrderedDict");
        Code(')');
        Code('R');
        Code('t');
        Code('R');
        _storages.Add(bytes);
    }

    private static long[] Strides(long[] shape)
    {
        var strides = new long[shape.Length];
        var next = 1L;
        for (var d = shape.Length - 1; d >= 0; d--)
        {
            strides[d] = next;
            next *= shape[d];
        }
        return strides;
    }

    private void Sizes(long[] values)
    {
        Code('(');
        foreach (var value in values) Whole(value);
        Code('t');
    }

    private void Whole(long value)
    {
        Span<byte> bytes = stackalloc byte[10];
        if (value is >= int.MinValue and <= int.MaxValue)
        {
            bytes[0] = (byte)'J';
            BinaryPrimitives.WriteInt32LittleEndian(bytes[1..], (int)value);
            _pickle.Write(bytes[..5]);
            return;
        }
        (bytes[0], bytes[1]) = (0x8a, 8);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[2..], value);
        _pickle.Write(bytes);
    }

    private void Number(double value)
    {
        Span<byte> bytes = stackalloc byte[9];
        bytes[0] = (byte)'G';
        BinaryPrimitives.WriteDoubleBigEndian(bytes[1..], value);
        _pickle.Write(bytes);
    }

    private void Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> head = stackalloc byte[5];
        head[0] = (byte)'X';
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], bytes.Length);
        _pickle.Write(head);
        _pickle.Write(bytes);
    }

    private void Name(string module, string name) => _pickle.Write(Encoding.UTF8.GetBytes($"c{module}\n{name}\n"));

    private void Code(char code) => _pickle.WriteByte((byte)code);
}

using System.Globalization;
using System.Reflection;
using Cresset.Onnx.Format;
using Google.Protobuf;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>A model ready to be written: weights stay in their tensors until then.</summary>
internal sealed class ModelFile(OnnxGraph graph)
{
    private const int Opset = 20;
    private const int IrVersion = 9;

    // What is smaller stands in the ONNX file itself.
    private const long SmallestExternal = 1024;

    // Where readers may map the weights into memory.
    private const int Alignment = 64;

    public ModelProto Proto { get; } = new()
    {
        IrVersion = IrVersion,
        ProducerName = "Cresset",
        ProducerVersion = typeof(ModelFile).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            ?? "",
        Graph = graph.Proto,
    };

    public static string Describe(ValueInfoProto value)
    {
        var sizes = value.Type.TensorType.Shape.Dim
            .Select(d => d.HasDimParam ? d.DimParam : d.HasDimValue ? d.DimValue.ToString(CultureInfo.InvariantCulture) : "?");
        return $"{value.Name} [{string.Join(", ", sizes)}]";
    }

    public void AddInput(string name, OnnxType type, IReadOnlyList<OnnxSize> shape) => Proto.Graph.Input.Add(Info(name, type, shape));

    public void AddOutput(string name, string value, OnnxType type, IReadOnlyList<OnnxSize> shape)
    {
        var node = new NodeProto { OpType = "Identity", Name = $"Identity_{name}" };
        node.Input.Add(value);
        node.Output.Add(name);
        Proto.Graph.Node.Add(node);
        Proto.Graph.Output.Add(Info(name, type, shape));
    }

    public void Finish(IReadOnlyDictionary<string, string> metadata)
    {
        Proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = Opset });
        foreach (var (key, value) in metadata) Proto.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
    }

    /// <summary>Writes to a folder beside the path; the result takes the file to its place.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <param name="externalFrom">Bytes of weights from which they stand in a file of their own.</param>
    public WrittenModel Write(string path, long externalFrom)
    {
        var written = new WrittenModel(path);
        try
        {
            var bytes = graph.Initializers.Values.Sum(i => i.Count * i.Values.element_size());
            if (bytes >= externalFrom || bytes >= int.MaxValue)
            {
                using var data = written.CreateData();
                foreach (var initializer in graph.Initializers.Values)
                    Proto.Graph.Initializer.Add(External(initializer, data, Path.GetFileName(path) + ".data"));
                data.Flush(flushToDisk: true);
            }
            else
            {
                foreach (var initializer in graph.Initializers.Values) Proto.Graph.Initializer.Add(Inline(initializer));
            }
            using var stream = written.CreateModel();
            Proto.WriteTo(stream);
            stream.Flush(flushToDisk: true);
            return written;
        }
        catch
        {
            written.Dispose();
            throw;
        }
    }

    private static TensorProto External(Initializer initializer, FileStream data, string name)
    {
        if (initializer.Count * initializer.Values.element_size() < SmallestExternal) return Inline(initializer);
        var proto = Head(initializer);
        data.Position = (data.Position + Alignment - 1) / Alignment * Alignment;
        var start = data.Position;
        TensorBytes.Write(initializer.Values, data);
        proto.DataLocation = 1;
        foreach (var (key, value) in new[] { ("location", name), ("offset", start.ToString(CultureInfo.InvariantCulture)),
            ("length", (data.Position - start).ToString(CultureInfo.InvariantCulture)) })
            proto.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
        return proto;
    }

    private static TensorProto Inline(Initializer initializer)
    {
        var proto = Head(initializer);
        using var memory = new MemoryStream();
        TensorBytes.Write(initializer.Values, memory);
        proto.RawData = UnsafeByteOperations.UnsafeWrap(memory.ToArray());
        return proto;
    }

    private static TensorProto Head(Initializer initializer)
    {
        var proto = new TensorProto { Name = initializer.Name, DataType = (int)initializer.Type };
        proto.Dims.AddRange(initializer.Shape);
        return proto;
    }

    private static ValueInfoProto Info(string name, OnnxType type, IReadOnlyList<OnnxSize> shape)
    {
        var dims = new TensorShapeProto();
        foreach (var size in shape)
        {
            dims.Dim.Add(!size.IsKnown ? new TensorShapeProto.Types.Dimension()
                : size.IsFixed ? new TensorShapeProto.Types.Dimension { DimValue = size.Value }
                : new TensorShapeProto.Types.Dimension { DimParam = size.Formula });
        }
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = dims } }
        };
    }
}

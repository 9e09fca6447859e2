using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Cresset.Runs;

/// <summary>From the bytes of a record to an event: the fields of Event, Summary and TensorProto that logs use.</summary>
internal static class EventDecoder
{
    private const int TypeFloat = 1, TypeDouble = 2, TypeInt32 = 3, TypeInt64 = 9, TypeBfloat16 = 14, TypeHalf = 19;

    public static LoggedEvent Event(ReadOnlySpan<byte> record)
    {
        double time = 0;
        long step = 0;
        string? version = null;
        var restart = false;
        List<LoggedValue> values = [];
        var reader = new ProtoReader(record);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: time = reader.Double; break;
                case 2: step = (long)reader.Bits; break;
                case 3: version = reader.Text; break;
                case 5: Summary(reader.Content, values); break;
                case 7: restart |= IsStart(reader.Content); break;
            }
        }
        return new(time, step, version, restart, values);
    }

    private static bool IsStart(ReadOnlySpan<byte> session)
    {
        var reader = new ProtoReader(session);
        while (reader.Next())
        {
            if (reader.Field == 1 && reader.Bits == 1) return true;
        }
        return false;
    }

    private static void Summary(ReadOnlySpan<byte> summary, List<LoggedValue> values)
    {
        var reader = new ProtoReader(summary);
        while (reader.Next())
        {
            if (reader.Field == 1) values.Add(Value(reader.Content));
        }
    }

    private static LoggedValue Value(ReadOnlySpan<byte> value)
    {
        string tag = "", plugin = "";
        double? scalar = null, exact = null;
        ReadOnlySpan<byte> image = default, histogram = default, tensor = default;
        var kind = 0;
        var reader = new ProtoReader(value);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: tag = reader.Text; break;
                case 2: (scalar, kind) = (reader.Float, 2); break;
                case 4:
                    image = reader.Content;
                    kind = 4;
                    break;
                case 5:
                    histogram = reader.Content;
                    kind = 5;
                    break;
                case 8:
                    tensor = reader.Content;
                    kind = 8;
                    break;
                case 9: plugin = Plugin(reader.Content); break;
                case EventFileWriter.ExactField when reader.Wire == 1: exact = reader.Double; break;
            }
        }
        return kind switch
        {
            2 => new LoggedScalar(tag, exact ?? scalar!.Value, IsTensor: false),
            4 => Image(tag, image),
            5 => new LoggedHistogram(tag, HistogramSummary.Read(histogram)),
            8 => Tensor(tag, plugin, tensor),
            _ => new LoggedUnknown(tag, plugin),
        };
    }

    private static string Plugin(ReadOnlySpan<byte> metadata)
    {
        var reader = new ProtoReader(metadata);
        while (reader.Next())
        {
            if (reader.Field != 1) continue;
            var data = new ProtoReader(reader.Content);
            while (data.Next())
            {
                if (data.Field == 1) return data.Text;
            }
        }
        return "";
    }

    private static LoggedImage Image(string tag, ReadOnlySpan<byte> image)
    {
        int width = 0, height = 0;
        byte[] encoded = [];
        var caption = "";
        var reader = new ProtoReader(image);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: height = (int)reader.Bits; break;
                case 2: width = (int)reader.Bits; break;
                case 4: encoded = reader.Content.ToArray(); break;
                case EventFileWriter.CaptionField: caption = reader.Text; break;
            }
        }
        return new(tag, width, height, encoded) { Caption = caption };
    }

    private static LoggedValue Tensor(string tag, string plugin, ReadOnlySpan<byte> tensor)
    {
        var type = 0;
        List<double> numbers = [];
        List<byte[]> texts = [];
        ReadOnlySpan<byte> content = default;
        var reader = new ProtoReader(tensor);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: type = (int)reader.Bits; break;
                case 4: content = reader.Content; break;
                case 5: reader.AddFloats(numbers); break;
                case 6: reader.AddDoubles(numbers); break;
                case 7 or 10: reader.AddIntegers(numbers); break;
                case 8: texts.Add(reader.Content.ToArray()); break;
            }
        }
        AddContent(type, content, numbers);
        return plugin switch
        {
            "text" when texts.Count > 0 => new LoggedText(tag, string.Join('\n', texts.Select(Encoding.UTF8.GetString))),
            // Width and height as texts, then one encoded picture an element; the first is shown.
            "images" when texts.Count > 2 => new LoggedImage(tag, Number(texts[0]), Number(texts[1]), texts[2]),
            "histograms" when numbers.Count > 0 && numbers.Count % 3 == 0 => new LoggedHistogram(tag, Histogram(numbers)),
            "" or "scalars" when numbers.Count == 1 => new LoggedScalar(tag, numbers[0], IsTensor: true),
            _ => new LoggedUnknown(tag, plugin),
        };
    }

    private static int Number(byte[] text) => int.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static void AddContent(int type, ReadOnlySpan<byte> content, List<double> numbers)
    {
        var width = type switch { TypeFloat or TypeInt32 => 4, TypeDouble or TypeInt64 => 8, TypeHalf or TypeBfloat16 => 2, _ => 0 };
        for (; width > 0 && content.Length >= width; content = content[width..])
        {
            numbers.Add(type switch
            {
                TypeFloat => BinaryPrimitives.ReadSingleLittleEndian(content),
                TypeDouble => BinaryPrimitives.ReadDoubleLittleEndian(content),
                TypeInt32 => BinaryPrimitives.ReadInt32LittleEndian(content),
                TypeInt64 => BinaryPrimitives.ReadInt64LittleEndian(content),
                TypeHalf => (double)BinaryPrimitives.ReadHalfLittleEndian(content),
                _ => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(content) << 16),
            });
        }
    }

    // Rows of left end, right end, count.
    private static HistogramSummary Histogram(List<double> rows)
    {
        var limits = rows.Where((_, i) => i % 3 == 1).ToList();
        var buckets = rows.Where((_, i) => i % 3 == 2).ToList();
        return new() { Min = rows[0], Max = limits[^1], Count = buckets.Sum(), BucketLimits = limits, Buckets = buckets };
    }
}

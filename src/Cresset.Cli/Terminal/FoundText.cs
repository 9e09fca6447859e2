using System.Globalization;
using System.Text;
using System.Text.Json;
using Cresset.Detection;
using Cresset.Recipes;

namespace Cresset.Cli.Terminal;

/// <summary>Objects that a detector found, as <c>cresset detect</c> reads detections: COCO results, or a table.</summary>
internal static class FoundText
{
    private static readonly JsonSerializerOptions Plain =
        new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A list of COCO results; images are called by their files.</summary>
    public static string Json(IReadOnlyList<Prediction> answers) => JsonSerializer.Serialize(
        answers.SelectMany(a => a.Objects!.Select(o => (Image: NameOf(a), o.Class, o.Detection))).Select(f =>
        {
            var box = f.Detection.Box;
            var record = new Dictionary<string, object?>
            {
                ["image_id"] = f.Image,
                ["category_id"] = f.Detection.CategoryId,
                ["category_name"] = f.Class,
                ["score"] = f.Detection.Score,
                ["bbox"] = new[] { box.X, box.Y, box.Width, box.Height },
            };
            if (f.Detection.Shape is { Segmentation: RunLengthSegmentation { Mask: var mask } })
            {
                record["segmentation"] = new { size = new[] { mask.Height, mask.Width }, counts = mask.ToCompressedText() };
            }
            return record;
        }), Plain) + Environment.NewLine;

    /// <summary>A row for every object; files of drawn pictures, where there are any, stand in a column of their own.</summary>
    public static string Csv(IReadOnlyList<Prediction> answers, IReadOnlyList<string?> files)
    {
        var drawn = files.Any(f => f is not null);
        var text = new StringBuilder("image,class,score,xmin,ymin,xmax,ymax").Append(drawn ? ",picture\n" : "\n");
        for (var i = 0; i < answers.Count; i++)
        {
            foreach (var o in answers[i].Objects!)
            {
                var b = o.Detection.Box;
                text.Append(CultureInfo.InvariantCulture, $"{Cell(NameOf(answers[i]))},{Cell(o.Class)},{o.Detection.Score:R}")
                    .Append(CultureInfo.InvariantCulture, $",{b.X:R},{b.Y:R},{b.Right:R},{b.Bottom:R}");
                if (drawn) text.Append(',').Append(Cell(files[i] ?? ""));
                text.Append('\n');
            }
        }
        return text.ToString();
    }

    private static string NameOf(Prediction answer) => answer.Input.Replace('\\', '/');

    private static string Cell(string text)
        => text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}

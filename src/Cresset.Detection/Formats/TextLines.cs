using System.Globalization;

namespace Cresset.Detection;

/// <summary>Lines of fields between white space, as VOC results and YOLO labels have them.</summary>
internal static class TextLines
{
    private static readonly char[] Blanks = [' ', '\t', '\r'];

    public static IEnumerable<(string[] Fields, string Record)> Read(string path)
    {
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            var fields = line.Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 0) yield return (fields, string.Create(CultureInfo.InvariantCulture, $"line {number}"));
        }
    }

    public static bool TryNumbers(ReadOnlySpan<string> fields, FaultDesk desk, string record, out double[] numbers)
    {
        numbers = new double[fields.Length];
        for (var i = 0; i < fields.Length; i++)
        {
            if (!double.TryParse(fields[i], NumberStyles.Float, CultureInfo.InvariantCulture, out numbers[i]))
            {
                desk.Fault(DataProblemKind.WrongValue, record, "", $"holds \"{fields[i]}\" where a number is needed.");
                return false;
            }
            if (!double.IsFinite(numbers[i]))
            {
                desk.Fault(DataProblemKind.NotFinite, record, "", $"holds \"{fields[i]}\"; finite numbers are needed.");
                return false;
            }
        }
        return true;
    }
}

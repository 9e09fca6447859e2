using System.Globalization;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>A table of numbers from a comma-separated file with an optional header line.</summary>
/// <param name="Columns">Column names; "c0", "c1"... where the file has none.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Values">Row-major values.</param>
public sealed record CsvTable(IReadOnlyList<string> Columns, int Rows, float[] Values)
{
    /// <summary>Reads a file; the first line is a header when one of its cells is no number.</summary>
    /// <exception cref="InvalidDataException">A cell is no number or a line has another number of cells; file, line and column are named.</exception>
    public static CsvTable Read(string path, char separator = ',')
    {
        List<string>? columns = null;
        var values = new List<float>();
        int rows = 0, number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            var cells = line.Split(separator, StringSplitOptions.TrimEntries);
            if (columns is null)
            {
                var isHeader = cells.Any(cell => !TryNumber(cell, out _));
                columns = isHeader ? [.. cells.Select(c => c.Trim('"'))] : [.. cells.Select((_, i) => $"c{i}")];
                if (isHeader) continue;
            }
            if (cells.Length != columns.Count) throw new InvalidDataException($"{path}, line {number}: {cells.Length} cells; the first line has {columns.Count}.");
            for (var i = 0; i < cells.Length; i++)
            {
                if (!TryNumber(cells[i], out var value)) throw new InvalidDataException($"{path}, line {number}, column '{columns[i]}': '{cells[i]}' is no number.");
                values.Add(value);
            }
            rows++;
        }
        if (columns is null || rows == 0) throw new InvalidDataException($"{path}: no rows.");
        return new CsvTable(columns, rows, [.. values]);
    }

    /// <summary>The columns with these names as [rows, names] float32; all columns when none is given.</summary>
    /// <exception cref="ArgumentException">There is no such column; the nearest is named.</exception>
    public Tensor ToTensor(params string[] names)
    {
        var picked = names.Length == 0 ? Enumerable.Range(0, Columns.Count).ToArray() : names.Select(IndexOf).ToArray();
        var result = new float[Rows * picked.Length];
        for (var row = 0; row < Rows; row++)
        {
            for (var i = 0; i < picked.Length; i++) result[(row * picked.Length) + i] = Values[(row * Columns.Count) + picked[i]];
        }
        return tensor(result, Rows, picked.Length);
    }

    private int IndexOf(string name)
    {
        for (var i = 0; i < Columns.Count; i++)
        {
            if (Columns[i] == name) return i;
        }
        throw new ArgumentException($"No column '{name}'.{Numerics.NearestName.Suggest(name, Columns)}", nameof(name));
    }

    private static bool TryNumber(string cell, out float value) => float.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Cresset.Runs;

namespace Cresset.Dashboard;

/// <summary>
/// Curves as bytes, which a browser takes up as they are: the length of a header (32 bits), the header (JSON: what each curve is and which
/// columns it has), zeros up to a multiple of eight, then each curve's columns as 64-bit floats, all little-endian. A hundred curves as
/// JSON took five times as long to write and to read.
/// </summary>
internal static class CurveBytes
{
    public static byte[] Write(IReadOnlyList<Curve> curves, bool withTime)
    {
        var header = JsonSerializer.SerializeToUtf8Bytes(
            curves.Select(
                c => c.Problem is not null ? (object)new { c.Run, c.Problem }
                    : new
                    {
                        c.Run,
                        c.Series!.Count,
                        c.Series.FirstStep,
                        c.Series.LastStep,
                        Exact = c.IsExact,
                        c.Bad,
                        Length = c.Buckets.Count,
                        Columns = Columns(c, withTime).Select(column => column.Name)
                    }),
            Answers.Options);
        var start = (sizeof(int) + header.Length + 7) / 8 * 8;
        var bytes =
            new byte[start + curves.Sum(c => c.Problem is null ? Columns(c, withTime).Count() * c.Buckets.Count * sizeof(double) : 0)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, header.Length);
        header.CopyTo(bytes, sizeof(int));
        var numbers = MemoryMarshal.Cast<byte, double>(bytes.AsSpan(start));
        var at = 0;
        foreach (var curve in curves.Where(c => c.Problem is null))
        {
            foreach (var (_, value) in Columns(curve, withTime))
            {
                for (var i = 0; i < curve.Buckets.Count; i++) numbers[at++] = value(i);
            }
        }
        return bytes;
    }

    private static IEnumerable<(string Name, Func<int, double> Value)> Columns(Curve curve, bool withTime)
    {
        var buckets = curve.Buckets;
        yield return ("step", i => Curve.StepOf(buckets[i]));
        if (withTime) yield return ("time", i => Curve.TimeOf(buckets[i]));
        yield return ("mean", i => buckets[i].Mean);
        if (!curve.IsExact)
        {
            yield return ("min", i => buckets[i].Min);
            yield return ("max", i => buckets[i].Max);
        }
        if (curve.Smooth is { } smooth) yield return ("smooth", i => smooth[i]);
    }
}

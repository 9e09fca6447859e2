using System.Text.Json;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Reference values under tests/References/rl.</summary>
internal static class RlReference
{
    public static JsonElement Load(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Repository.Reference("rl/" + file)));
        return document.RootElement.Clone();
    }

    public static double[] Doubles(this JsonElement array) => [.. array.EnumerateArray().Select(x => x.GetDouble())];

    public static int[] Ints(this JsonElement array) => [.. array.EnumerateArray().Select(x => x.GetInt32())];
}

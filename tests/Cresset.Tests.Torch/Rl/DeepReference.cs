using System.Text.Json;
using Cresset.Rl.Deep;
using Cresset.Tensors;

namespace Cresset.Tests.Torch.Rl;

/// <summary>PyTorch's values for the DQN family.</summary>
internal static class DeepReference
{
    private static readonly JsonDocument Document = JsonDocument.Parse(File.ReadAllText(Repository.Reference("rl/deep/deep.json")));

    public static JsonElement Root => Document.RootElement;

    public static double[] Doubles(this JsonElement element, string name) =>
        [.. element.GetProperty(name).EnumerateArray().Select(v => v.GetDouble())];

    public static float[] Floats(this JsonElement element, string name) =>
        [.. element.GetProperty(name).EnumerateArray().Select(v => v.GetSingle())];

    public static int[] Ints(this JsonElement element, string name) =>
        [.. element.GetProperty(name).EnumerateArray().Select(v => v.GetInt32())];

    public static bool[] Flags(this JsonElement element, string name) =>
        [.. element.GetProperty(name).EnumerateArray().Select(v => v.GetBoolean())];

    public static double Number(this JsonElement element, string name) => element.GetProperty(name).GetDouble();

    /// <summary>A network's weights with the shapes that their keys imply.</summary>
    public static Snapshot State(JsonElement weights, string prefix, int[] widths)
    {
        var state = new Snapshot();
        foreach (var entry in weights.EnumerateObject())
        {
            float[] values = [.. entry.Value.EnumerateArray().Select(v => v.GetSingle())];
            var parts = entry.Name.Split('.');
            var layer = int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture);
            if (parts[0] == "layers" && parts[2] == "weight") state.Put(prefix + entry.Name, values, widths[layer + 1], widths[layer]);
            else state.Put(prefix + entry.Name, values);
        }
        return state;
    }
}

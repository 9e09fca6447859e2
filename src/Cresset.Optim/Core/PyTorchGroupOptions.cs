using System.Globalization;
using System.Text.Json.Nodes;

namespace Cresset.Optim;

/// <summary>The options of a group under PyTorch's names.</summary>
internal static class PyTorchGroupOptions
{
    public static JsonObject Write(ParameterGroup group)
    {
        var o = group.Options;
        var json = new JsonObject
        {
            ["lr"] = group.LearningRate,
            ["initial_lr"] = group.InitialLearningRate,
            ["weight_decay"] = group.WeightDecay,
            ["maximize"] = o.Maximize,
        };
        foreach (var property in o.GetType().GetProperties())
        {
            if (property.Name is "LearningRate" or "WeightDecay" or "Maximize" or "Beta1" or "Beta2" or "Momentum") continue;
            var value = property.GetValue(o);
            JsonNode? node = value switch { bool b => b, double d => d, int i => i, long l => l, _ => null };
            if (node is not null) json[NameOf(property.Name)] = node;
        }
        if (o.GetType().GetProperty("Beta2")?.GetValue(o) is double beta2)
            json["betas"] = new JsonArray(group.Momentum ?? Convert.ToDouble(o.GetType().GetProperty("Beta1")!.GetValue(o), CultureInfo.InvariantCulture), beta2);
        else if (group.Momentum is { } momentum) json["momentum"] = momentum;
        return json;
    }

    public static void Read(JsonObject json, Dictionary<string, double> scalars, string prefix)
    {
        Take("lr", "lr");
        Take("lr", "initial_lr");
        Take("initial_lr", "initial_lr");
        Take("weight_decay", "weight_decay");
        if (scalars.ContainsKey(prefix + "momentum"))
        {
            Take("momentum", "momentum");
            if (json["betas"] is JsonArray { Count: > 0 } betas) scalars[prefix + "momentum"] = betas[0]!.GetValue<double>();
        }

        void Take(string from, string to)
        {
            if (json[from] is { } value) scalars[prefix + to] = value.GetValue<double>();
        }
    }

    private static string NameOf(string property) => property switch
    {
        "Epsilon" => "eps",
        "AmsGrad" => "amsgrad",
        "Lambda" => "lambd",
        "AverageFrom" => "t0",
        "LearningRateDecay" => "lr_decay",
        "InitialAccumulator" => "initial_accumulator_value",
        "ClippingThreshold" => "d",
        _ => string.Concat(property.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "_") + char.ToLowerInvariant(c) : c.ToString())),
    };
}

using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>The options of a group under PyTorch's names, both ways.</summary>
internal static class PyTorchGroupOptions
{
    private const string LineSearch = "line_search_fn";

    /// <summary>How PyTorch computes, not what; left out on purpose.</summary>
    private static readonly HashSet<string> Ignored =
        ["params", "param_names", "foreach", "fused", "capturable", "differentiable", "lr", "initial_lr", "weight_decay", "maximize"];

    /// <summary>Options that PyTorch keeps as pairs.</summary>
    private static readonly Dictionary<(Type Rule, string Key), string[]> Pairs = new()
    {
        [(typeof(RpropRule), "etas")] = [nameof(RpropRule.EtaMinus), nameof(RpropRule.EtaPlus)],
        [(typeof(RpropRule), "step_sizes")] = [nameof(RpropRule.MinStep), nameof(RpropRule.MaxStep)],
        [(typeof(AdafactorRule), "eps")] = [nameof(AdafactorRule.Epsilon1), nameof(AdafactorRule.Epsilon2)],
    };

    public static JsonObject Write(ParameterGroup group)
    {
        var rule = group.Rule;
        var json = new JsonObject
        {
            ["lr"] = group.LearningRate,
            ["initial_lr"] = group.InitialLearningRate,
            ["weight_decay"] = group.WeightDecay,
            ["maximize"] = rule.Maximize,
        };
        var paired = Pairs.Where(p => p.Key.Rule == rule.GetType()).ToList();
        foreach (var (key, names) in paired.Select(p => (p.Key.Key, p.Value)))
            json[key] = new JsonArray([.. names.Select(n => Node(Property(rule, n)!.GetValue(rule)))]);
        foreach (var property in Options(rule))
        {
            if (property.Name is "Beta1" or "Beta2" or "Beta3" or "Momentum" || paired.Exists(p => p.Value.Contains(property.Name)))
                continue;
            if (property.Name == nameof(LbfgsRule.StrongWolfe))
                json[LineSearch] = rule is LbfgsRule { StrongWolfe: true } ? "strong_wolfe" : null;
            else json[NameOf(property.Name)] = Node(property.GetValue(rule));
        }
        if (Property(rule, "Momentum") is { } own)
            json["momentum"] = Node(own.Name == CycledName(rule) ? group.Momentum ?? own.GetValue(rule) : own.GetValue(rule));
        string[] betas = [.. new[] { "Beta1", "Beta2", "Beta3" }.TakeWhile(b => Property(rule, b) is not null)];
        if (betas.Length > 0)
            json["betas"] =
                new JsonArray(
                    [.. betas.Select(
                        b => Node(b == CycledName(rule) ? group.Momentum ?? Property(rule, b)!.GetValue(rule)
                            : Property(rule, b)!.GetValue(rule)))]);
        return json;
    }

    /// <summary>
    /// The rule with every option of the file; what the rule does not know is refused unless it is off, and so is what the rule has set and
    /// the file does not know.
    /// </summary>
    /// <exception cref="ArgumentException">An option that this rule does not have or cannot take, or that the file lacks.</exception>
    public static OptimizerRule Read(JsonObject json, OptimizerRule rule)
    {
        var copy = rule with
        {
            LearningRate = Number(json, "lr") ?? rule.LearningRate,
            WeightDecay = Number(json, "weight_decay") ?? rule.WeightDecay,
            Maximize = json["maximize"]?.GetValue<bool>() ?? false,
        };
        var unknown = new List<string>();
        var given = new HashSet<string>(StringComparer.Ordinal);
        var known = Options(rule).ToDictionary(p => NameOf(p.Name));
        foreach (var (key, node) in json)
        {
            if (Pairs.TryGetValue((rule.GetType(), key), out var names) && node is JsonArray pair)
            {
                for (var i = 0; i < names.Length; i++) Take(Property(rule, names[i])!, pair[i], key);
            }
            else if (key == "betas" && node is JsonArray betas)
            {
                for (var i = 0; i < betas.Count; i++)
                {
                    if (Property(rule, $"Beta{i + 1}") is { } beta) Take(beta, betas[i], key);
                    else unknown.Add($"betas[{i}]");
                }
            }
            else if (key == LineSearch && rule is LbfgsRule && node?.ToString() is null or "strong_wolfe")
                Take(Property(rule, nameof(LbfgsRule.StrongWolfe))!, node is not null, key);
            else if (key == "momentum" && Property(rule, "Momentum") is { } momentum) Take(momentum, node, key);
            else if (known.TryGetValue(key, out var property)) Take(property, node, key);
            else if (key == "decoupled_weight_decay" && rule is AdamFamilyRule)
                unknown.AddRange(node?.GetValue<bool>() == rule is AdamWRule ? [] : [$"{key} = {node}"]);
            else if (!Ignored.Contains(key) && !key.StartsWith("cresset", StringComparison.Ordinal) && !IsOff(node))
                unknown.Add($"{key} = {node?.ToJsonString()}");
        }
        if (unknown.Count > 0)
            throw new ArgumentException(
                $"The file has options that {rule.GetType().Name} does not know, so the run could not go on as it was: "
                    + $"{string.Join(", ", unknown)}. It was not loaded.", nameof(json));
        RefuseOwn(json, rule, given);
        return copy.ThrowIfInvalid();

        void Take(PropertyInfo property, JsonNode? node, string key)
        {
            Set(copy, property, node, key);
            given.Add(property.Name);
        }
    }

    // What the file does not name was not there when it was written: a run goes on without it, or not at all.
    private static void RefuseOwn(JsonObject json, OptimizerRule rule, HashSet<string> given)
    {
        if (rule.GetType().GetConstructor([]) is not { } make) return;
        var plain = (OptimizerRule)make.Invoke(null);
        var own = Options(rule).Where(p => !given.Contains(p.Name) && !Same(p.GetValue(rule), p.GetValue(plain)))
            .Select(p => $"{NameOf(p.Name)} = {Node(p.GetValue(rule))?.ToJsonString() ?? "null"}").ToList();
        if (!json.ContainsKey("weight_decay") && rule.WeightDecay != plain.WeightDecay)
            own.Add($"weight_decay = {Node(rule.WeightDecay)}");
        if (own.Count > 0)
            throw new ArgumentException(
                $"The optimizer ({rule.GetType().Name}) has options that the file does not know, so the run could not go on as it was: "
                    + $"{string.Join(", ", own)}. It was not loaded; leave them at their defaults.", nameof(rule));
    }

    private static bool Same(object? one, object? other)
        => one is IEnumerable a and not string && other is IEnumerable b ? a.Cast<object>().SequenceEqual(b.Cast<object>())
            : Equals(one, other);

    /// <summary>Whether the groups are an export of our own.</summary>
    public static bool IsOwn(JsonObject group) => group.ContainsKey("cresset_numbers");

    /// <summary>Whether PyTorch has the method too.</summary>
    public static bool IsOfPyTorch(OptimizerRule rule) => rule is SgdRule or AdamFamilyRule or NAdamRule or RAdamRule or RmsPropRule
        or AdagradRule or AdadeltaRule or AdamaxRule or AsgdRule or RpropRule or AdafactorRule or LbfgsRule;

    /// <summary>Whether the groups have nothing but options that PyTorch's own class for this rule has.</summary>
    public static bool Fits(IReadOnlyList<JsonObject> groups, OptimizerRule rule) => IsOfPyTorch(rule)
        && groups.All(g => (rule is not AdamFamilyRule || g.ContainsKey("amsgrad"))
            && g.All(p => Ignored.Contains(p.Key) || p.Key is "betas" or "momentum" or "decoupled_weight_decay" or LineSearch
                || Pairs.ContainsKey((rule.GetType(), p.Key)) || Options(rule).Any(o => NameOf(o.Name) == p.Key)));

    public static double? Number(JsonObject json, string key) => json[key] is { } node ? Number(node, key) : null;

    /// <summary>A value of the file that must be a number.</summary>
    public static double Number(JsonNode? node, string key) => (double)Convert(node, typeof(double), key)!;

    public static IEnumerable<PropertyInfo> Options(OptimizerRule rule) =>
        rule.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(p => p.CanWrite && p.Name is not ("LearningRate" or "WeightDecay" or "Maximize"));

    private static PropertyInfo? Property(OptimizerRule rule, string name) =>
        rule.GetType().GetProperty(name) is { CanWrite: true } p ? p : null;

    /// <summary>The option that a group's momentum stands for.</summary>
    public static string? CycledName(OptimizerRule rule)
        => rule.CycledMomentum is not { } value ? null
            : new[] { "Momentum", "Beta1", "Beta" }.FirstOrDefault(n => Property(rule, n)?.GetValue(rule) is double own && own == value);

    public static bool IsOff(JsonNode? node) => node is null
        || (node is JsonValue value
            && ((value.TryGetValue<bool>(out var flag) && !flag) || (value.TryGetValue<double>(out var number) && number == 0)));

    public static void Set(OptimizerRule rule, PropertyInfo property, JsonNode? node, string key) =>
        property.SetValue(rule, Convert(node, property.PropertyType, key));

    /// <summary>A value of the file that must be true or false.</summary>
    public static bool Flag(JsonNode? node, string key) => (bool)Convert(node, typeof(bool), key)!;

    /// <summary>A value of the file as text.</summary>
    public static string Text(JsonNode? node) => node?.ToJsonString() ?? "null";

    private static object? Convert(JsonNode? node, Type type, string key)
    {
        var inner = Nullable.GetUnderlyingType(type) ?? type;
        try
        {
            if (node is null) return inner != type ? null : throw new FormatException();
            if (node is JsonArray list) return (IReadOnlyList<double>)[.. list.Select(n => (double)Convert(n, typeof(double), key)!)];
            var text = node.GetValueKind() == System.Text.Json.JsonValueKind.String ? node.GetValue<string>() : node.ToJsonString();
            if (inner.IsEnum) return Enum.GetNames(inner).Contains(text) ? Enum.Parse(inner, text) : throw new FormatException();
            if (inner == typeof(bool)) return bool.Parse(text);
            var number = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
            if (inner == typeof(double)) return number;
            // A conversion would round 2.5 steps to 2.
            return Math.Floor(number) == number ? System.Convert.ChangeType(number, inner, CultureInfo.InvariantCulture)
                : throw new FormatException();
        }
        catch (Exception e) when (e is FormatException or InvalidCastException or OverflowException or ArgumentException)
        {
            throw new ArgumentException(
                $"Option \"{key}\" of the file is {node?.ToJsonString() ?? "null"}, which is not "
                    + $"{(inner == typeof(bool) ? "true or false" : inner.IsEnum ? $"one of {string.Join(", ", Enum.GetNames(inner))}"
                        : inner == typeof(double) ? "a number" : $"a whole number of type {inner.Name}")}.", key, e);
        }
    }

    public static JsonNode? Node(object? value) => value switch
    {
        null => null,
        bool b => b,
        double d when !double.IsFinite(d) => d.ToString("R", CultureInfo.InvariantCulture),
        double d => d,
        int i => i,
        long l => l,
        Enum e => e.ToString(),
        IEnumerable list => new JsonArray([.. list.Cast<double>().Select(d => (JsonNode)d)]),
        _ => value.ToString(),
    };

    private static string NameOf(string property) => property switch
    {
        "Epsilon" => "eps",
        "AmsGrad" => "amsgrad",
        "Lambda" => "lambd",
        "AverageFrom" => "t0",
        "LearningRateDecay" => "lr_decay",
        "InitialAccumulator" => "initial_accumulator_value",
        "ClippingThreshold" => "d",
        "MaxIterations" => "max_iter",
        "MaxEvaluations" => "max_eval",
        "GradientTolerance" => "tolerance_grad",
        "ChangeTolerance" => "tolerance_change",
        _ => string.Concat(property.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "_") + char.ToLowerInvariant(c) : c.ToString())),
    };
}

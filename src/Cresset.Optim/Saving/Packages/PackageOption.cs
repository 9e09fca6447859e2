using System.Text.Json.Nodes;

namespace Cresset.Optim;

/// <summary>
/// One option of a class of another package and what it is here, both ways. Without a key it is an option of ours that the class does not
/// have, or does not save.
/// </summary>
/// <param name="Key">Its name in the class's <c>param_groups</c>.</param>
/// <param name="Ours">The properties of our rule that it decides.</param>
/// <param name="Read">Takes a file's value over.</param>
/// <param name="Write">Gives the value for a file.</param>
internal sealed record PackageOption(string? Key, IReadOnlyList<string> Ours, Action<PackageReading, JsonNode?> Read,
    Func<PackageWriting, JsonNode?> Write)
{
    /// <summary>Some versions of the package do not write it.</summary>
    public bool IsOptional { get; init; }

    /// <summary>What a file without it means.</summary>
    public bool? Absent { get; init; }

    /// <summary>A file does not decide it, the optimizer's own value is kept.</summary>
    public bool IsKept { get; init; }

    /// <summary>A file's value does not matter.</summary>
    public bool IsSkipped { get; init; }

    /// <summary>The weight decay under its usual name.</summary>
    public static PackageOption Decay => As("weight_decay", nameof(OptimizerRule.WeightDecay));

    /// <summary>The direction, where the class saves it.</summary>
    public static PackageOption Maximize => As("maximize", nameof(OptimizerRule.Maximize)).OrAbsent(false);

    /// <summary>The same value under another name.</summary>
    public static PackageOption As(string key, string property) => new(key, [property], (r, node) => r.Set(property, node, key),
        w => PyTorchGroupOptions.Node(w.Get(property)));

    /// <summary>The opposite of ours.</summary>
    public static PackageOption Not(string key, string property) => new(key, [property],
        (r, node) => r.Set(property, !PyTorchGroupOptions.Flag(node, key), key), w => !(bool)w.Get(property)!);

    /// <summary>A list there, single numbers here.</summary>
    public static PackageOption List(string key, params string[] properties) => new(key, properties, (r, node) =>
    {
        if (node is not JsonArray list || list.Count != properties.Length)
            throw r.Refused($"{key} = {PyTorchGroupOptions.Text(node)}", $"{properties.Length} numbers are needed");
        for (var i = 0; i < properties.Length; i++) r.Set(properties[i], list[i], key);
    }, w => new JsonArray([.. properties.Select(p => PyTorchGroupOptions.Node(w.Get(p)))]));

    /// <summary>The two betas.</summary>
    public static PackageOption Betas(params string[] properties) => List("betas", properties.Length > 0 ? properties : ["Beta1", "Beta2"]);

    /// <summary>A number there that may be None, which stands for <paramref name="none"/> here.</summary>
    public static PackageOption NoneIs(string key, string property, double none) => new(key, [property],
        (r, node) => r.Set(property, node ?? JsonValue.Create(PyTorchGroupOptions.Node(none)!.ToString()), key),
        w => w.Get(property) is double value && value != none ? PyTorchGroupOptions.Node(value) : null);

    /// <summary>An option that ours has in this form only.</summary>
    public static PackageOption Only(string key, bool value, string reason) => new(key, [], (r, node) =>
    {
        if (PyTorchGroupOptions.Flag(node, key) != value) throw r.Refused($"{key} = {PyTorchGroupOptions.Text(node)}", reason);
    }, _ => value);

    /// <summary>A form of the weight decay: it does not matter without decay.</summary>
    public static PackageOption OnlyWithDecay(string key, bool value, string reason) => new(key, [], (r, node) =>
    {
        if (PyTorchGroupOptions.Flag(node, key) != value && (PyTorchGroupOptions.Number(r.Group, "weight_decay") ?? 0) != 0)
            throw r.Refused($"{key} = {PyTorchGroupOptions.Text(node)}", reason);
    }, _ => value);

    /// <summary>How the package computes, or something it does not use.</summary>
    public static PackageOption Skip(string key, Func<JsonNode?>? written = null) => new(key, [], (_, _) => { },
        _ => written?.Invoke())
    {
        IsSkipped = true,
    };

    /// <summary>An option of ours that the class has in this form only.</summary>
    public static PackageOption Fixed(string property, object value) => new(null, [property],
        (r, _) => r.Set(property, value), w =>
        {
            if (!Equals(w.Get(property), value))
                throw w.Refused($"{property} = {w.Get(property)}", $"the class has nothing but {value}");
            return null;
        });

    /// <summary>An option of ours that the class has too but does not save: the optimizer's own is kept.</summary>
    public static PackageOption Kept(string property) => new(null, [property], (_, _) => { }, _ => null) { IsKept = true };

    /// <summary>A number that ours keeps over all parameters together; {0} in its name is the group.</summary>
    public static PackageOption Shared(string key, string number, double start) => new(key, [],
        (r, node) => r.Share(number, node is null ? start : PyTorchGroupOptions.Number(node, key)),
        w => PyTorchGroupOptions.Node(w.Shared(number, start)));

    /// <summary>The same, absent from files of some versions.</summary>
    public PackageOption OrAbsent(bool? value) => this with { IsOptional = true, Absent = value };
}

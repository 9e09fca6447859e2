using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>A class of another package that one of our rules continues exactly: its names for options and state, both ways.</summary>
internal sealed record PackageMethod(OptimizerOrigin Origin, string Class, Type Rule)
{
    private static readonly HashSet<string> Beside = ["params", "param_names", "lr", "initial_lr", "step"];

    /// <summary>The options; the rate is always <c>lr</c>.</summary>
    public IReadOnlyList<PackageOption> Options { get; init; } = [];

    /// <summary>The state of a parameter.</summary>
    public IReadOnlyList<PackageSlot> Slots { get; init; } = [];

    /// <summary>Where steps are counted.</summary>
    public PackageStep Step { get; init; }

    /// <summary>Options without which a file cannot be told from PyTorch's own.</summary>
    public IReadOnlyList<string> Marks { get; init; } = [];

    /// <summary>What the class writes into its state and does not read again.</summary>
    public IReadOnlyList<string> Scratch { get; init; } = [];

    /// <summary>Entries of a group that are tensors of one element in Python.</summary>
    public IReadOnlyList<string> GroupTensors { get; init; } = [];

    /// <summary>What is a list in Python, with an empty list where a dimension has none.</summary>
    public IReadOnlyList<string> Lists { get; init; } = [];

    /// <summary>What is a dictionary by numbers in Python.</summary>
    public IReadOnlyList<string> ByNumber { get; init; } = [];

    /// <summary>Our rate over theirs.</summary>
    public Func<OptimizerRule, double> RateFactor { get; init; } = _ => 1;

    /// <summary>Options in which the class follows its first group alone.</summary>
    public IReadOnlyList<string> OneForAll { get; init; } = [];

    /// <summary>Why a parameter cannot be continued; null where it can.</summary>
    public Func<OptimizerRule, Tensor, long, string?> Refuse { get; init; } = (_, _, _) => null;

    /// <summary>The class with its package, for messages.</summary>
    public string Title => $"{PackageStates.NameOf(Origin)}'s {Class}";

    /// <summary>The names of the options, the rate and what trainers add included.</summary>
    public bool Knows(string key) => Beside.Contains(key) || Options.Any(o => o.Key == key);

    /// <summary>Whether the groups have the options of this class and no other, or none that is on.</summary>
    public bool Fits(IReadOnlyList<JsonObject> groups, bool exactly) => groups.All(g =>
        Options.All(o => o.Key is null || o.IsOptional || g.ContainsKey(o.Key))
            && g.All(p => Knows(p.Key) || (!exactly && PyTorchGroupOptions.IsOff(p.Value))));

    /// <summary>Whether the groups have what tells them from PyTorch's own.</summary>
    public bool IsMarked(IReadOnlyList<JsonObject> groups) => groups.All(g => Marks.All(g.ContainsKey));

    /// <summary>The rule of a group as the file has it, and the numbers over all parameters together.</summary>
    /// <exception cref="ArgumentException">An option that cannot be continued.</exception>
    public PackageReading ReadGroup(JsonObject json, ParameterGroup group)
    {
        var reading = new PackageReading(this, group.Rule, json, group.Index);
        var unknown = json.Where(p => !Knows(p.Key) && !PyTorchGroupOptions.IsOff(p.Value))
            .Select(p => $"{p.Key} = {PyTorchGroupOptions.Text(p.Value)}").ToList();
        if (unknown.Count > 0) throw reading.Refused(string.Join(", ", unknown), "the method here has no such option");
        foreach (var option in Options)
        {
            if (option.Key is null) option.Read(reading, null);
            else if (json.TryGetPropertyValue(option.Key, out var node)) option.Read(reading, node);
            else if (option.IsOptional) option.Read(reading, option.Absent);
            else throw reading.Refused($"no \"{option.Key}\" in a group", "it is an option of that class");
        }
        var rate = PyTorchGroupOptions.Number(json, "lr") ?? throw reading.Refused("no \"lr\" in a group", "the rate is needed");
        reading.Set(nameof(OptimizerRule.LearningRate), rate * RateFactor(reading.Rule));
        return reading;
    }

    /// <summary>The options of a group under the class's names.</summary>
    /// <exception cref="NotSupportedException">An option that the class does not have.</exception>
    public JsonObject WriteGroup(PackageWriting writing, ParameterGroup group)
    {
        var factor = RateFactor(group.Rule);
        var json = new JsonObject { ["lr"] = group.LearningRate / factor, ["initial_lr"] = group.InitialLearningRate / factor };
        foreach (var option in Options)
        {
            var node = option.Write(writing);
            if (option.Key is not null) json[option.Key] = node;
        }
        return json;
    }
}

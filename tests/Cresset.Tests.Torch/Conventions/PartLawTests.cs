using System.Reflection;
using System.Text.RegularExpressions;
using Cresset.Numerics;
using Cresset.Recipes;
using Xunit;

namespace Cresset.Tests.Torch.Conventions;

/// <summary>
/// Laws over every part of every kind: it is named short and long, in a file and on the command line, comes back equal from YAML, says what
/// each of its options means, and answers a mistake in one line with the fix.
/// </summary>
public sealed partial class PartLawTests
{
    private static readonly PartCatalog Parts = BuiltInParts.Catalog;
    private static readonly OptionsBinder Binder = new(Parts);

    // Named by verbs (detect, rl) and by lists inside parts, not by a key of a recipe.
    private static readonly string[] WithoutKey = ["detection-format", "protocol", "job", "computation", "transform"];

    public static TheoryData<string> Kinds() => [.. Parts.Kinds.Where(k => k != "job")];

    [Fact]
    public void NamesAreSpelledAlikeAndMeanOnePartOnly()
    {
        foreach (var kind in Parts.Kinds)
        {
            var words = Parts.Of(kind).SelectMany(p => p.Aliases.Prepend(p.Name)).ToList();
            Assert.All(Parts.Of(kind).Select(p => p.Name), name => Assert.Matches(Spelling(), name));
            Assert.Equal(words.Count, words.Select(w => w.Replace('_', '-').ToLowerInvariant()).Distinct().Count());
        }
    }

    // Priors code files in whole numbers that are the same on every processor; a model from elsewhere cannot promise that.
    // What they are told is built into them.
    private static readonly string[] ClosedKinds = ["prior", "condition"];

    /// <summary>
    /// A part may be internal; what a part of somebody's own derives from, and what it must then give, may not.
    /// </summary>
    [Fact]
    public void EveryKindTakesPartsOfOwnAssemblies()
    {
        foreach (var kind in Parts.Kinds.Except(ClosedKinds))
        {
            var kindType = Parts.Of(kind)[0].Type;
            while (kindType.BaseType is { } parent && PartCatalog.KindOf(parent) == kind) kindType = parent;
            if (PartCatalog.KindOf(kindType) is null) continue;
            var wanted = new Queue<Type>([kindType]);
            var seen = new HashSet<Type>();
            while (wanted.TryDequeue(out var type))
            {
                if (!seen.Add(type)) continue;
                Assert.True(type.IsVisible, $"{kind}: {type.Name} is not public, so that no other assembly can add one.");
                if (type.IsInterface || !type.IsAbstract) continue;
                const BindingFlags All = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
                Assert.True(type.GetConstructors(All).Any(c => c.IsPublic || c.IsFamily || c.IsFamilyOrAssembly),
                    $"{kind}: {type.Name} has no constructor for others.");
                var given = type.GetMethods(All).Where(m => m.IsAbstract).ToList();
                var closed = given.Where(m => m.IsAssembly || m.IsFamilyAndAssembly).Select(m => m.Name);
                Assert.True(!closed.Any(),
                    $"{kind}: {type.Name} has members that no other assembly can give: {string.Join(", ", closed)}.");
                foreach (var result in given.Select(m => m.ReturnType).Where(IsOurs)) wanted.Enqueue(result);
            }
        }
    }

    private static bool IsOurs(Type type) => type.Namespace?.StartsWith("Cresset", StringComparison.Ordinal) == true;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void EveryPartIsNamedShortAndLongAndComesBackFromYaml(string kind)
    {
        var other = Default(Parts.Of(kind)[0]);
        foreach (var part in Parts.Of(kind))
        {
            foreach (var word in part.Aliases.Prepend(part.Name))
            {
                foreach (var spelled in new[] { word, word.Replace('-', '_'), word.ToUpperInvariant() }.Distinct())
                    Assert.IsType(part.Type, Bind(other, new ConfigText(Here, spelled, true), needed: false));
            }
            var options = Default(part);
            var map = new ConfigMap(Here);
            map.Set(ConfigMap.Kind, new ConfigText(Here, part.Name, true));
            Assert.Equal(Flat(options), Flat(Bind(other, map, needed: false)));
            var yaml = ConfigYaml.Write(new Dictionary<string, object?> { ["part"] = OptionsWriter.Value(options) });
            Assert.Equal(Flat(options), Flat(Bind(other, ConfigNode.Parse(yaml, "round trip")["part"]!, needed: false)));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void EveryOptionSaysWhatItMeansAndIsSuggestedWhenMistyped(string kind)
    {
        foreach (var part in Parts.Of(kind))
        {
            var keys = OptionNames.Keys(part.Type);
            foreach (var (key, property) in keys)
            {
                Assert.False(string.IsNullOrWhiteSpace(Parts.SummaryOf(part.Type, property)), $"{kind} {part.Name}: {key} has no summary");
                var mistyped = key.Length > 3 ? key[..^2] + key[^1] + key[^2] : key + "x";
                if (keys.ContainsKey(mistyped) || NearestName.Find(mistyped, keys.Keys) != key) continue;
                var map = new ConfigMap(Here);
                map.Set(ConfigMap.Kind, new ConfigText(Here, part.Name, true));
                map.Set(mistyped, new ConfigText(Here, "1", true));
                var message = Refused(Default(part), map);
                Assert.Contains($"unknown key 'part.{mistyped}'. Did you mean '{key}'? {key} is ", message, StringComparison.Ordinal);
                Assert.Contains(", default ", message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void EveryDefaultIsShownAsARecipeWritesIt()
    {
        var count = 0;
        foreach (var part in Parts.All)
        {
            if (part.Create() is IJob job)
            {
                foreach (var section in job.Sections) AreShown($"job {job.Name}, {section.Name}", section.Defaults);
            }
            else if (part.Create() is IOptionsRecord record) AreShown($"{part.Kind} {part.Name}", record);
        }
        Assert.True(count > 1000, $"{count} options");

        void AreShown(string where, IOptionsRecord record)
        {
            var facts = new OptionFacts(Parts, record).All.ToDictionary(f => f.Key);
            foreach (var (key, property) in OptionNames.Keys(record.GetType()))
            {
                count++;
                var shown = facts[key].Default;
                Assert.False(shown.Contains('`') || shown.Contains("System.", StringComparison.Ordinal) || shown.Contains('\n')
                    || shown.Contains("Cresset.", StringComparison.Ordinal) || shown.Contains("Options {", StringComparison.Ordinal),
                    $"{where}.{key}: {shown}");
                // Bound where nothing stands, so that what comes back was read and not left.
                var empty = (IOptionsRecord)record.GetType().GetMethod("<Clone>$")!.Invoke(record, null)!;
                property.SetValue(empty, null);
                var map = new ConfigMap(Here);
                map.Set(key, ConfigNode.Parse($"value: {shown}", "law.yaml")["value"]!);
                object back;
                try
                {
                    back = Binder.Bind(empty, map, "part", Here);
                }
                catch (ConfigException e) when (e.Message.Contains(" is \"\"; allowed: ", StringComparison.Ordinal))
                {
                    // A text that a recipe must give is empty before it does.
                    continue;
                }
                catch (ConfigException e)
                {
                    Assert.Fail($"{where}.{key} = {shown}: {e.Message}");
                    throw;
                }
                Assert.True(Flat(record) == Flat(back), $"{where}.{key} = {shown}: {Flat(back)}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ValuesOutOfRangeAreAnsweredInOneLine(string kind)
    {
        foreach (var part in Parts.Of(kind))
        {
            foreach (var (key, property) in OptionNames.Keys(part.Type).Where(k => k.Value.PropertyType == typeof(double)))
            {
                var map = new ConfigMap(Here);
                map.Set(ConfigMap.Kind, new ConfigText(Here, part.Name, true));
                map.Set(key, new ConfigText(Here, "NaN", true));
                var lines = Refused(Default(part), map).Split(Environment.NewLine);
                Assert.True(lines.Any(line => line.Contains("NaN; allowed: ", StringComparison.Ordinal)),
                    $"{kind} {part.Name}.{key}: {string.Join(" | ", lines)}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void APartOfAnotherKindIsNamedAsSuch(string kind)
    {
        var words = Parts.Of(kind).SelectMany(p => p.Aliases.Prepend(p.Name)).ToList();
        var stranger = Parts.All.First(
            p => p.Kind != kind && Parts.Find(kind, p.Name) is null && NearestName.Find(p.Name, words) is null
                && Parts.All.Count(o => o.IsNamed(p.Name)) == 1
            && OptionNames.PartOfText(Parts, kind, p.Name) is null);
        var message = Refused(Default(Parts.Of(kind)[0]), new ConfigText(Here, stranger.Name, true));
        Assert.Contains($"'{stranger.Name}' is a", message, StringComparison.Ordinal);
        Assert.Contains(stranger.Kind, message, StringComparison.Ordinal);
        Assert.DoesNotContain(Environment.NewLine, message, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryKindHasAKeyInSomeRecipeAndEveryPartIsNamedThere()
    {
        var doors = new Dictionary<string, (IJob Job, string Path)>();
        foreach (var job in Parts.Of(Recipe.JobKind).Select(p => (IJob)p.Create()))
        {
            foreach (var section in job.Sections.Where(s => OptionNames.PartKind(s.Defaults.GetType()) is not null))
                doors.TryAdd(OptionNames.PartKind(section.Defaults.GetType())!, (job, section.Name));
            foreach (var (path, key, record) in new RecipeKeys(job, Parts).All(new ConfigMap(Here)))
            {
                var type = OptionNames.Keys(record.GetType())[key].PropertyType;
                if (OptionNames.PartKind(OptionText.ElementType(type) ?? Nullable.GetUnderlyingType(type) ?? type) is { } kind)
                    doors.TryAdd(kind, (job, path));
            }
        }
        Assert.Empty(Parts.Kinds.Except(doors.Keys).Except(WithoutKey));
        foreach (var (kind, (job, path)) in doors)
        {
            foreach (var part in Parts.Of(kind))
            {
                // A recipe of the job may refuse the part for what it is; it never says that it does not know it.
                var recipe = Recipe.Parse($"job: {job.Name}", "law.yaml", "law", Parts);
                try
                {
                    recipe.Resolve([$"{path}={part.Name}"]);
                }
                catch (ConfigException e)
                {
                    Assert.DoesNotContain("unknown", e.Message, StringComparison.Ordinal);
                }
            }
        }
    }

    private static ConfigSource Here { get; } = new("law.yaml", 1);

    [GeneratedRegex("^[a-z0-9][a-z0-9+.-]*$")]
    private static partial Regex Spelling();

    private static IOptionsRecord Default(PartEntry part) => (IOptionsRecord)part.Create();

    // Parts with a required text (a path) are not valid as they stand; what is bound is the same.
    private static object Bind(IOptionsRecord defaults, ConfigNode node, bool needed)
    {
        try
        {
            return Binder.Bind(defaults, node, "part", Here);
        }
        catch (ConfigException e) when (!needed && e.Message.Contains(" is \"\"; allowed: ", StringComparison.Ordinal))
        {
            return Parts.Get(PartCatalog.KindOf(defaults.GetType())!,
                ((node as ConfigText ?? (ConfigText)((ConfigMap)node)[ConfigMap.Kind]!)).Value).Create();
        }
    }

    private static string Refused(IOptionsRecord defaults, ConfigNode node) =>
        Assert.Throws<ConfigException>(() => Binder.Bind(defaults, node, "part", Here)).Message;

    private static string Flat(object options) => ConfigYaml.Write(OptionsWriter.Write(options));
}

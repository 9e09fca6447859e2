using System.Reflection;
using Cresset.Numerics;
using Cresset.Recipes;
using Xunit;

namespace Cresset.Tests.Torch.Conventions;

/// <summary>Every options record: valid as it stands, documented ranges enforced, the same after a trip through YAML.</summary>
public sealed class OptionsRecordTests
{
    private static readonly Type[] Records = [.. Directory.GetFiles(AppContext.BaseDirectory, "Cresset.*.dll")
        .Where(f => !Path.GetFileName(f).StartsWith("Cresset.Tests", StringComparison.Ordinal))
        .Select(Assembly.LoadFrom)
        .SelectMany(a => a.GetTypes())
        .Where(t => t is { IsClass: true, IsAbstract: false, IsNested: false } && typeof(IOptionsRecord).IsAssignableFrom(t))
        .OrderBy(t => t.FullName)];

    public static TheoryData<string> Defaultable() => [.. Records.Where(t => t.GetConstructor([]) is not null).Select(t => t.FullName!)];

    [Fact]
    public void ThereAreOptions() => Assert.True(Records.Length > 10);

    [Theory]
    [MemberData(nameof(Defaultable))]
    public void DefaultsAreValidButForRequiredTexts(string name) => Assert.DoesNotContain(Default(name).Validate(), p => p.Value is not "");

    [Theory]
    [MemberData(nameof(Defaultable))]
    public void YamlRoundTripKeepsEveryValue(string name)
    {
        var options = Default(name);
        if (options.Validate().Any()) return;
        if (OptionNames.Properties(options.GetType()).Any(p => IsCode(p.PropertyType))) return;
        var yaml = ConfigYaml.Write(OptionsWriter.Write(options));
        if (yaml.Trim() == "{}") return;
        var map = ConfigNode.Parse(yaml, "round trip");
        var back = new OptionsBinder(BuiltInParts.Catalog.With(options.GetType().Assembly)).Bind(options, map, "",
            new ConfigSource("round trip", 0));
        Assert.Equal(Flat(options), Flat(back));
    }

    [Fact]
    public void NumbersOutsideEveryRangeAreRefused()
    {
        // NaN is allowed nowhere: a record whose doubles take it has a property without a check.
        var silent = new List<string>();
        foreach (var type in Records.Where(t => t.GetConstructor([]) is not null))
        {
            foreach (var property in OptionNames.Properties(type).Where(p => p.PropertyType == typeof(double)))
            {
                var options = (IOptionsRecord)Activator.CreateInstance(type)!;
                property.SetValue(options, double.NaN);
                if (!options.Validate().Any()) silent.Add($"{type.Name}.{property.Name}");
            }
        }
        Assert.True(silent.Count == 0, "accepted NaN: " + string.Join(", ", silent));
    }

    // Delegates and open families of records (a schedule inside a schedule) are composed in code, not in a recipe.
    private static bool IsCode(Type type)
        => typeof(Delegate).IsAssignableFrom(type) || (type is { IsAbstract: true, IsClass: true } && OptionNames.PartKind(type) is null)
            || (type.IsGenericType && type.GetGenericArguments().Any(IsCode));

    private static IOptionsRecord Default(string name) => (IOptionsRecord)Activator.CreateInstance(Records.First(t => t.FullName == name))!;

    private static string Flat(IOptionsRecord options) => ConfigYaml.Write(OptionsWriter.Write(options));
}

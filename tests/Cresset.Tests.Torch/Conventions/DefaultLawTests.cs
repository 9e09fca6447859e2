using System.Collections;
using System.Reflection;
using Cresset.Diffusion;
using Cresset.Flows;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Quantization;
using Cresset.Recipes;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Xunit;

namespace Cresset.Tests.Torch.Conventions;

/// <summary>One option has one default, wherever it is said; and every option can be set where a part is named.</summary>
public sealed class DefaultLawTests
{
    private static readonly PartCatalog Parts = BuiltInParts.Catalog;
    private static readonly ConfigSource Here = new("law.yaml", 1);

    // A record may give a part inside it a preset of its own for a reason; everywhere else the part's own defaults hold, so that naming it
    // changes nothing. (The numbers of a rule of step sizes are the value that it stands for, not options of a part.)
    private static readonly Dictionary<string, string> Presets = new()
    {
        [$"{nameof(ContinuousFlowOptions)}.Solver"] = "training solves thousands of times, and its gradient needs no more digits",
        [$"{nameof(MatchingOptions)}.Solver"] = "points of a picture need no more digits",
        [$"{nameof(MultiHeadQuantizerOptions)}.Head"] = "a head sees a part of the vector",
        [$"{nameof(PosteriorOptions)}.Flow"] = "a simulator has a few parameters, and calibration draws from the flow thousands of times",
        [$"{nameof(SparseControlOptions)}.Exploration"] = "values that start too high explore by themselves",
    };

    // Where a recipe's default is another one than the library's, and why.
    private static readonly Dictionary<string, string> Differences = new()
    {
        [$"{nameof(RlSolveOptions)}.Gamma"] = "one job for planners, whose worlds may never end, and for learners, whose episodes do",
    };

    // Records of a recipe and the library's records that they fill: what bears one name in both has one default.
    private static readonly (Type Recipe, Type Library, string[] Renamed)[] Pairs =
    [
        (typeof(EspcnRecipeOptions), typeof(EspcnOptions), []),
        (typeof(GlowFlow), typeof(GlowOptions), ["Transforms=Steps"]),
        (typeof(TransformerFlow), typeof(TarFlowOptions), []),
        (typeof(PictureFlowOptions), typeof(TarFlowOptions), []),
        (typeof(SplineFlow), typeof(VectorFlowOptions), []),
        (typeof(SplineFlow), typeof(SplineOptions), ["Bound=High"]),
        (typeof(CouplingTransform), typeof(RealNvpFlow), []),
        (typeof(Sd3MiniatureOptions), typeof(MiniatureOptions), []),
        (typeof(TokenizerOptions), typeof(VqVaeOptions), []),
        (typeof(RlSolveOptions), typeof(PlanningOptions), []),
        (typeof(RlSolveOptions), typeof(Exploration), []),
        (typeof(TileSarsaLambdaLearner), typeof(SarsaLambdaLearner), []),
        (typeof(GatedPixelCnnPrior), typeof(PixelCnnOptions), []),
        (typeof(TransformerPrior), typeof(CodeTransformerOptions), []),
        (typeof(MaskGitPrior), typeof(CodeTransformerOptions), []),
        (typeof(DelayedTransformerPrior), typeof(DelayedCodeTransformerOptions), []),
        (typeof(NextScalePrior), typeof(NextScaleTransformerOptions), []),
        (typeof(VqganArchitecture), typeof(VqganOptions), ["Inner=LatentWidth"]),
        (typeof(EncodecArchitecture), typeof(EncodecOptions), []),
        (typeof(DacArchitecture), typeof(DacOptions), []),
        (typeof(DqnOptions), typeof(MlpShape), []),
        // A part's absolute tolerance of 0 is its relative one.
        (typeof(Dopri5Solver), typeof(OdeOptions), ["Tolerance=RelativeTolerance", "AbsoluteTolerance=RelativeTolerances"]),
    ];

    // Options that take another value only beside another option, or whose rule has no use for what all of its family share.
    private static readonly string[] Together =
    [
        "data folder.mask_values", "data scenes.grounds", "optimizer adafactor-t5.warm_up", "optimizer adam.corrected_weight_decay",
        "optimizer lbfgs.maximize",
        "optimizer lbfgs.weight_decay", "optimizer rprop.weight_decay", "optimizer sgd.corrected_weight_decay", "optimizer sgd.nesterov",
        "prior delayed-transformer.guidance", "prior mask-git.guidance", "prior next-scale.guidance", "prior pixel-cnn.guidance",
        "prior pixel-snail.guidance",
        "prior plain-pixel-cnn.guidance", "prior transformer.guidance", "quantizer finite-scalar.noise_share",
        "quantizer vector.orthogonal_weight",
        "schedule sequential.milestones",
    ];

    private static readonly Type[] Records = [.. Directory.GetFiles(AppContext.BaseDirectory, "Cresset.*.dll")
        .Where(f => !Path.GetFileName(f).StartsWith("Cresset.Tests", StringComparison.Ordinal))
        .Select(Assembly.LoadFrom)
        .SelectMany(a => a.GetTypes())
        .Where(t => t is { IsClass: true, IsAbstract: false, IsNested: false } && typeof(IOptionsRecord).IsAssignableFrom(t)
            && t.GetConstructor([]) is not null)
        .OrderBy(t => t.FullName, StringComparer.Ordinal)];

    [Fact]
    public void NamingThePartThatIsTheDefaultChangesNothing()
    {
        var found = new List<string>();
        foreach (var record in Records)
        {
            var made = Make(record);
            foreach (var property in OptionNames.Properties(record))
            {
                if (property.GetValue(made) is IOptionsRecord part && OptionNames.PartKind(part.GetType()) is not null
                    && part is not StepSizeRule && part.GetType().GetConstructor([]) is not null
                    && Text(part) != Text(Make(part.GetType())))
                    found.Add($"{record.Name}.{property.Name}");
            }
        }
        Assert.Equal(Presets.Keys.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void WhatARecipeAndTheLibraryBothNameHasOneDefault()
    {
        foreach (var (recipe, library, renamed) in Pairs)
        {
            var (ours, theirs) = (Make(recipe), Make(library));
            var shared = OptionNames.Properties(recipe).Select(p => (Ours: p, Theirs: library.GetProperty(Renamed(p.Name, renamed))))
                .Where(p => p.Theirs is not null && p.Theirs.PropertyType == p.Ours.PropertyType
                    && !Differences.ContainsKey($"{recipe.Name}.{p.Ours.Name}")).ToList();
            Assert.NotEmpty(shared);
            Assert.All(shared, p => Assert.True(
                Text(p.Ours.GetValue(ours)) == Text(p.Theirs!.GetValue(theirs)),
                $"{recipe.Name}.{p.Ours.Name} is {Text(p.Ours.GetValue(ours))}, {library.Name}.{p.Theirs!.Name} is "
                    + $"{Text(p.Theirs.GetValue(theirs))}"));
        }
    }

    [Fact]
    public void EveryOptionOfEveryPartCanBeSet()
    {
        var binder = new OptionsBinder(Parts);
        var stuck = new List<string>();
        var set = 0;
        foreach (var part in Parts.All.Where(p => p.Kind != Recipe.JobKind && typeof(IOptionsRecord).IsAssignableFrom(p.Type)))
        {
            var options = (IOptionsRecord)part.Create();
            foreach (var (key, property) in OptionNames.Keys(part.Type))
            {
                var values = Others(property.PropertyType, property.GetValue(options)).ToList();
                if (values.Count == 0) continue;
                if (values.Any(value => Takes(binder, options, part.Name, key, property, value))) set++;
                else stuck.Add($"{part.Kind} {part.Name}.{key}");
            }
        }
        Assert.Equal(Together, stuck.Order(StringComparer.Ordinal));
        Assert.True(set > 500, $"only {set} options were set");
    }

    private static bool Takes(OptionsBinder binder, IOptionsRecord options, string name, string key, PropertyInfo property, string value)
    {
        var map = new ConfigMap(Here);
        map.Set(ConfigMap.Kind, new ConfigText(Here, name, true));
        map.Set(key,
            ConfigNode.Parse($"v: {value}", "law.yaml") is ConfigMap { } parsed ? parsed["v"]! : new ConfigText(Here, value, true));
        try
        {
            return Text(property.GetValue(binder.Bind(options, map, "part", Here))) != Text(property.GetValue(options));
        }
        catch (ConfigException e)
        {
            // A path that is not there yet, or a file, is the only thing that such a part can miss.
            return e.Message.Contains(" is \"\"; allowed: ", StringComparison.Ordinal)
                && !e.Message.Contains($".{key} ", StringComparison.Ordinal);
        }
    }

    // Values that are other than the default, the likeliest to be valid first.
    private static IEnumerable<string> Others(Type type, object? value)
    {
        var inner = Nullable.GetUnderlyingType(type) ?? type;
        if (OptionNames.PartKind(inner) is { } kind) return Parts.Of(kind).Select(p => p.Name);
        if (inner == typeof(bool)) return value is true ? ["false"] : ["true"];
        if (inner == typeof(string)) return ["other", "0.2", "a", "1/k", "'#102030'"];
        if (inner.IsEnum) return Enum.GetNames(inner).Select(OptionNames.Key);
        if (inner == typeof(double) || inner == typeof(float))
        {
            var number = Convert.ToDouble(value ?? 0.0, System.Globalization.CultureInfo.InvariantCulture);
            return new[] { number * 0.9, number * 1.1, 0.5, 0.25, 0.75, 1, 2, 0.01, -0.5, -2, 10,
                0 }.Select(v => v.ToString("R", System.Globalization.CultureInfo.InvariantCulture));
        }
        if (inner == typeof(int) || inner == typeof(long) || inner == typeof(ulong) || inner == typeof(uint))
        {
            var number = Convert.ToInt64(value ?? 0L, System.Globalization.CultureInfo.InvariantCulture);
            return new[] { number + 1, number * 2, number - 1, number / 2, 1, 2, 3, 4, 8, 16,
                32 }.Select(v => v.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
        if (OptionText.ElementType(inner) is { } element)
        {
            var item = (value as IEnumerable)?.Cast<object>().FirstOrDefault();
            var count = (value as IEnumerable)?.Cast<object>().Count() ?? 0;
            return Others(element, item)
                .SelectMany(v => new[] { $"[{v}]", $"[{string.Join(", ", Enumerable.Repeat(v, Math.Max(1, count)))}]", $"[{v}, {v}]" });
        }
        return [];
    }

    private static string Renamed(string name, string[] renamed) =>
        renamed.FirstOrDefault(r => r.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..] ?? name;

    private static object Make(Type type) => Activator.CreateInstance(type)!;

    private static string Text(object? value) => value switch
    {
        null => "null",
        IOptionsRecord record => $"{record.GetType().Name} {ConfigYaml.Write(OptionsWriter.Write(record))}",
        string text => text,
        IEnumerable items => "[" + string.Join(", ", items.Cast<object?>().Select(Text)) + "]",
        IFormattable number => number.ToString(null, System.Globalization.CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}

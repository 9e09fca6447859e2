using System.Collections;
using System.Reflection;
using System.Text.Json.Nodes;
using Cresset.Numerics;
using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Optim;

/// <summary>
/// A state in PyTorch's layout and an optimizer that was made with another value of any of its options: the run goes on with what the file
/// says, or is refused by the option's name. Nothing is ignored.
/// </summary>
[LeakFree]
public sealed class PyTorchOptionLawTests
{
    public static TheoryData<string> Names => [.. OptimizerCatalog.Entries.Select(e => e.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void TheFilesOptionsAreTaken(string name)
    {
        foreach (var (option, plain, other) in Others(OptimizerCatalog.Create(name)))
        {
            Continues(plain, other, option);
            Continues(other, plain, option);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void AnOptionThatTheFileDoesNotKnowIsRefusedByName(string name)
    {
        foreach (var (option, plain, other) in Others(OptimizerCatalog.Create(name)))
        {
            if (option is nameof(OptimizerRule.LearningRate) or nameof(OptimizerRule.Maximize)) continue;
            using var problem = new Quadratic(ScalarType.Float64);
            using var file = new Optimizer(problem.Groups, plain);
            using var state = PyTorchOptimizerState.Export(file);
            using var with = new Optimizer(problem.Groups, other);
            using var told = PyTorchOptimizerState.Export(with);
            var (ours, theirs) = (Options(told), Options(state));
            // The keys in which the two differ are those of the option.
            var keys = ours.Where(o => o.Value?.ToJsonString() != theirs[o.Key]?.ToJsonString()).Select(o => o.Key).ToList();
            Assert.True(keys.Count > 0, $"{name}: {option} is not written");
            foreach (var key in keys) theirs.Remove(key);
            var error = Record.Exception(() => (state with { ParamGroups = new JsonArray(theirs).ToJsonString() }).Load(with));
            Assert.True(error is ArgumentException, $"{name}: {option} was ignored ({error?.Message})");
            Assert.Equal(other, with.Groups[0].Rule);
        }
    }

    [Fact]
    public void AWholeNumberIsNotCut()
    {
        using var problem = new Quadratic(ScalarType.Float64);
        using var optimizer = new Optimizer(problem.Groups, new MuonRule());
        using var state = PyTorchOptimizerState.Export(optimizer);
        var options = Options(state);
        options["newton_schulz_steps"] = 2.5;
        Assert.Contains("\"newton_schulz_steps\" of the file is 2.5, which is not a whole number",
            Assert.Throws<ArgumentException>(
                () => (state with { ParamGroups = new JsonArray(options).ToJsonString() }).Load(optimizer)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void TheMomentumOfAnotherMethodIsNotPassedOver()
    {
        using var problem = new Quadratic(ScalarType.Float64);
        using var sgd = new Optimizer(problem.Groups, new SgdRule { Momentum = 0.9 });
        using var adagrad = new Optimizer(problem.Groups, new AdagradRule());
        using var state = PyTorchOptimizerState.Export(sgd);
        Assert.Contains("momentum = 0.9", Assert.Throws<ArgumentException>(() => state.Load(adagrad)).Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// The rule, and the same with one option changed; where an option needs another one, both have that. Every option has such a change
    /// but those that a method refuses altogether.
    /// </summary>
    private static IEnumerable<(string Option, OptimizerRule Plain, OptimizerRule Other)> Others(OptimizerRule rule)
    {
        var properties = rule.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite).ToList();
        foreach (var property in properties)
        {
            var found = properties.Where(p => p != property).SelectMany(p => Changed(rule, p)).Prepend(rule)
                .SelectMany(plain => Changed(plain, property).Select(other => (plain, other)))
                .FirstOrDefault(pair => !pair.plain.Validate().Any() && !pair.other.Validate().Any());
            var isRefused = (rule, property.Name) is (RpropRule or LbfgsRule, "WeightDecay") or (LbfgsRule, "Maximize")
                or (AdamRule, "CorrectedWeightDecay");
            Assert.True(found.other is null == isRefused, $"{rule.GetType().Name}.{property.Name}: no other value is known that is valid");
            if (found.other is not null) yield return (property.Name, found.plain, found.other);
        }
    }

    private static IEnumerable<OptimizerRule> Changed(OptimizerRule rule, PropertyInfo property)
        => Values(property, property.GetValue(rule)).Select(value =>
        {
            var copy = rule with { };
            property.SetValue(copy, value);
            return copy;
        });

    private static IEnumerable<object> Values(PropertyInfo property, object? value)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        if (type == typeof(bool)) return [!(bool)(value ?? false)];
        if (type.IsEnum) return Enum.GetValues(type).Cast<object>().Where(v => !v.Equals(value));
        if (type == typeof(int)) return new object[] { 3, 1, 2, 7, 100 }.Where(v => !v.Equals(value));
        if (type == typeof(long)) return new object[] { 3L, 1L, 2L, 7L, 100L }.Where(v => !v.Equals(value));
        if (type == typeof(double)) return new object[] { 0.35, 0.02, 1.5, -0.4, 2e-5, 3.0, 1000.0 }.Where(v => !v.Equals(value));
        return typeof(IEnumerable).IsAssignableFrom(type) ? [(IReadOnlyList<double>)[0, 0.8]] : [];
    }

    private static JsonObject Options(PyTorchOptimizerState state)
        => JsonNode.Parse(state.ParamGroups)!.AsArray()[0]!.DeepClone().AsObject();

    private static void Continues(OptimizerRule file, OptimizerRule ours, string option)
    {
        using var one = new Quadratic(ScalarType.Float64);
        using var a = new Optimizer(one.Groups, file);
        for (var t = 0; t < 3; t++) Step(one, a);
        using var state = PyTorchOptimizerState.Export(a);
        using var two = new Quadratic(ScalarType.Float64);
        two.CopyFrom(one);
        using var b = new Optimizer(two.Groups, ours);
        var refused = Record.Exception(() => state.Load(b));
        var where = $"{file.GetType().Name} with another {option}";
        if (refused is not null)
        {
            Assert.True(refused is ArgumentException, $"{where}: {refused}");
            Assert.Equal(ours, b.Groups[0].Rule);
            return;
        }
        Assert.True(Texts(file) == Texts(b.Groups[0].Rule), $"{where}: {Texts(b.Groups[0].Rule)} for {Texts(file)}");
        for (var t = 0; t < 3; t++)
        {
            Step(one, a);
            Step(two, b);
        }
        Assert.True(one.Values().AsSpan().SequenceEqual(two.Values()), where);
    }

    private static void Step(Quadratic problem, Optimizer optimizer)
    {
        problem.SetGradients();
        if (!optimizer.Rule.NeedsClosure)
        {
            optimizer.Step();
            return;
        }
        optimizer.Step(() =>
        {
            problem.SetGradients();
            return problem.Loss() / 2;
        });
    }

    private static string Texts(OptimizerRule rule) => string.Join(", ", rule.GetType().GetProperties().Where(p => p.CanWrite).Select(
        p => $"{p.Name} {(p.GetValue(rule) is IEnumerable list ? string.Join(";", list.Cast<object>()) : p.GetValue(rule))}"));
}

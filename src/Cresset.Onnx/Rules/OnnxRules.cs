using System.Collections.Immutable;

namespace Cresset.Onnx;

/// <summary>What each operation of libtorch is in ONNX. A rule writes operations of ONNX and returns the names of the results.</summary>
public sealed class OnnxRules
{
    private readonly ImmutableDictionary<string, Func<OnnxOperation, string[]>> _rules;

    private OnnxRules(ImmutableDictionary<string, Func<OnnxOperation, string[]>> rules) => _rules = rules;

    /// <summary>The rules that are known here.</summary>
    public static OnnxRules Default { get; } = new(RuleTable.Build());

    /// <summary>Operations that have a rule, without <c>aten::</c>.</summary>
    public IEnumerable<string> Names => _rules.Keys.Order(StringComparer.Ordinal);

    /// <summary>These rules and one more, which replaces any of the same name.</summary>
    /// <param name="operation">libtorch's name of the operation, with or without <c>aten::</c>; its form in place has the same
    /// rule.</param>
    /// <param name="rule">Writes the operation and returns the name of its result.</param>
    public OnnxRules Add(string operation, Func<OnnxOperation, string> rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return Add(operation, o => new[] { rule(o) });
    }

    /// <summary>These rules and one more for an operation of several results.</summary>
    public OnnxRules Add(string operation, Func<OnnxOperation, string[]> rule)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(operation);
        ArgumentNullException.ThrowIfNull(rule);
        var name = operation.StartsWith("aten::", StringComparison.Ordinal) ? operation["aten::".Length..] : operation;
        return new OnnxRules(_rules.SetItem(name, rule));
    }

    internal Func<OnnxOperation, string[]>? Find(string name) => _rules.GetValueOrDefault(name);
}

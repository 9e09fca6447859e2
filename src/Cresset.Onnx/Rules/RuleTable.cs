using System.Collections.Immutable;

namespace Cresset.Onnx;

/// <summary>
/// All rules by the operation's name without <c>aten::</c>; operations in place stand under their own names without the underscore.
/// </summary>
internal sealed class RuleTable
{
    private readonly ImmutableDictionary<string, Func<OnnxOperation, string[]>>.Builder _rules =
        ImmutableDictionary.CreateBuilder<string, Func<OnnxOperation, string[]>>();

    public static ImmutableDictionary<string, Func<OnnxOperation, string[]>> Build()
    {
        var table = new RuleTable();
        ActivationRules.AddTo(table);
        ArithmeticRules.AddTo(table);
        ComparisonRules.AddTo(table);
        ShapeRules.AddTo(table);
        PartRules.AddTo(table);
        IndexRules.AddTo(table);
        CreationRules.AddTo(table);
        ProductRules.AddTo(table);
        ConvolutionRules.AddTo(table);
        NormRules.AddTo(table);
        AttentionRules.AddTo(table);
        PoolingRules.AddTo(table);
        ResizeRules.AddTo(table);
        ReductionRules.AddTo(table);
        SortRules.AddTo(table);
        RecurrentRules.AddTo(table);
        return table._rules.ToImmutable();
    }

    /// <summary>Adds a rule with one result.</summary>
    public void One(string name, Func<OnnxOperation, string> rule) => _rules.Add(name, c => [rule(c)]);

    /// <summary>Adds a rule with several results.</summary>
    public void Many(string name, Func<OnnxOperation, string[]> rule) => _rules.Add(name, rule);
}

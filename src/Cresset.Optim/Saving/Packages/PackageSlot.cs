using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>How a package keeps what is one state tensor or number here.</summary>
internal enum SlotForm
{
    /// <summary>A tensor, as ours.</summary>
    Same,

    /// <summary>A tensor with the other sign.</summary>
    Negated,

    /// <summary>A tensor without the last dimension, which ours keeps with length 1.</summary>
    Rows,

    /// <summary>A tensor without the dimension before the last, which ours keeps with length 1.</summary>
    Columns,

    /// <summary>A number of Python.</summary>
    Number,

    /// <summary>A whole number of Python.</summary>
    Whole,

    /// <summary>A tensor without dimensions.</summary>
    Scalar,

    /// <summary>A tensor of one element.</summary>
    Single,
}

/// <summary>One entry of a parameter's state in a package, and here.</summary>
internal sealed record PackageSlot(string Theirs, string Ours, SlotForm Form = SlotForm.Same)
{
    /// <summary>The package keeps it too where ours does not: zeros.</summary>
    public bool IsAlwaysThere { get; init; }

    /// <summary>Whether a number is there with these options.</summary>
    public Func<OptimizerRule, bool> When { get; init; } = _ => true;

    /// <summary>What follows from options and step; ours keeps nothing. A file must agree.</summary>
    public Func<OptimizerRule, long, double>? Derived { get; init; }

    /// <summary>Several entries of one form by their place: {0} in the names, in the order of the dimensions or of what is given.</summary>
    public Func<OptimizerRule, IEnumerable<double>>? Places { get; init; }

    public bool IsNumber => Form is SlotForm.Number or SlotForm.Whole or SlotForm.Scalar or SlotForm.Single;

    /// <summary>The same name on both sides.</summary>
    public static PackageSlot[] Same(params string[] names) => [.. names.Select(n => new PackageSlot(n, n))];

    /// <summary>The names with places filled in.</summary>
    public IEnumerable<(string Theirs, string Ours)> Names(OptimizerRule rule, Tensor parameter)
    {
        if (!Ours.Contains("{0}", StringComparison.Ordinal)) return [(Theirs, Ours)];
        var places = Places?.Invoke(rule) ?? Enumerable.Range(0, (int)Math.Max(1, parameter.dim())).Select(d => (double)d);
        return places.Select((place, i) => (Fill(Theirs, place), Fill(Ours, i)));

        static string Fill(string name, double place) => name.Replace("{0}", place.ToString("R", CultureInfo.InvariantCulture),
            StringComparison.Ordinal);
    }

    /// <summary>Their tensor as ours.</summary>
    public Tensor Read(Tensor theirs) => Form switch
    {
        SlotForm.Negated => theirs.neg(),
        SlotForm.Rows => theirs.unsqueeze(-1),
        SlotForm.Columns => theirs.unsqueeze(-2),
        _ => theirs,
    };

    /// <summary>A copy of our tensor as theirs.</summary>
    public Tensor Write(Tensor ours) => Form switch
    {
        SlotForm.Negated => ours.neg(),
        SlotForm.Rows => ours.squeeze(-1).clone(),
        SlotForm.Columns => ours.squeeze(-2).clone(),
        _ => ours.clone(),
    };

    /// <summary>Our number as theirs.</summary>
    public Tensor Write(double number, ScalarType type) => Form switch
    {
        SlotForm.Whole => tensor((long)number),
        SlotForm.Scalar => tensor(number, type),
        SlotForm.Single => tensor(new[] { number }, type),
        _ => tensor(number, ScalarType.Float64),
    };
}

/// <summary>Where a package counts its steps.</summary>
internal enum PackageStep
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>With each parameter, as a tensor without dimensions.</summary>
    ParameterTensor,

    /// <summary>With each parameter, as a whole number.</summary>
    ParameterNumber,

    /// <summary>With each group.</summary>
    Group,

    /// <summary>With each group, from 1, by two a step.</summary>
    GroupTwice,

    /// <summary>Once for all, as <c>state["k"]</c>.</summary>
    Global,
}

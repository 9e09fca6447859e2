using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// An activation by its options: what a recipe names under "activation". A name of the catalog, with numbers in parentheses or without,
/// converts to one:
/// <c>Activation = "elu(alpha=0.5)"</c>.
/// </summary>
[PartKind("activation", FromText = nameof(FromText))]
public abstract record ActivationOptions : IOptionsRecord
{
    /// <summary>Whether the result has the shape of the input, as layers between two widths need it.</summary>
    public virtual bool KeepsShape => true;

    /// <summary>Makes the module, [...] to [...].</summary>
    public abstract nn.Module<Tensor, Tensor> Build();

    /// <inheritdoc/>
    public abstract IEnumerable<OptionProblem> Validate();

    /// <summary>The activation of a catalog name such as "gelu_tanh" or "elu(alpha=0.5)"; null for an unknown one.</summary>
    /// <exception cref="ArgumentException">The name is known, and its numbers are not.</exception>
    public static ActivationOptions? FromText(string text) => CatalogActivation.Named(text);

    /// <summary>The activation of a catalog name.</summary>
    /// <exception cref="ArgumentException">Unknown name or number; the message suggests the nearest.</exception>
    public static implicit operator ActivationOptions(string name) =>
        FromText(name) ?? throw new ArgumentException(ActivationCatalog.Unknown(name), nameof(name));
}

/// <summary>An activation of the <see cref="ActivationCatalog"/>.</summary>
public abstract record CatalogActivation : ActivationOptions
{
    private static readonly Lazy<PartCatalog> Parts = new(() => new PartCatalog(typeof(CatalogActivation).Assembly));

    /// <summary>Its row of the catalog.</summary>
    public ActivationInfo Info => ActivationCatalog.Get(Row);

    /// <summary>Its name with its numbers, as the catalog reads it.</summary>
    public string Text => ActivationCatalog.Text(Info, Values);

    /// <inheritdoc/>
    public sealed override bool KeepsShape => Info.KeepsShape;

    private protected abstract string Row { get; }

    /// <summary>The numbers in the order of the row.</summary>
    private protected virtual double[] Values { get => []; init => ArgumentOutOfRangeException.ThrowIfNotEqual(value.Length, 0); }

    /// <inheritdoc/>
    public sealed override nn.Module<Tensor, Tensor> Build() => ActivationCatalog.Create(Text);

    /// <inheritdoc/>
    public sealed override IEnumerable<OptionProblem> Validate()
        => Values.Zip(Info.Parameters).Where(p => !double.IsFinite(p.First))
            .Select(p => new OptionProblem(PropertyOf(p.Second.Name), p.First, "a finite number"));

    /// <inheritdoc/>
    public sealed override string ToString() => Text;

    internal static CatalogActivation? Named(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (ActivationCatalog.Find(text) is null) return null;
        var (info, values) = ActivationCatalog.Parse(text);
        var part = (CatalogActivation)Parts.Value.Get("activation", info.Name).Create();
        return part with { Values = values };
    }

    private static string PropertyOf(string parameter) =>
        string.Concat(parameter.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
}

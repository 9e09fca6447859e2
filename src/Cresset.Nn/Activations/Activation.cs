using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// An activation without trained parameters as a module, [...] to the same shape. Made by <see cref="ActivationCatalog.Create"/>.
/// </summary>
public sealed class Activation : nn.Module<Tensor, Tensor>
{
    private readonly Func<Tensor, double[], Tensor> _function;
    private readonly double[] _values;

    internal Activation(ActivationInfo info, double[] values)
        : base(nameof(Activation))
    {
        Info = info;
        _function = info.Function ?? throw new ArgumentException($"'{info.Name}' needs a module of its own.", nameof(info));
        _values = values;
        RegisterComponents();
    }

    /// <summary>Makes the module for a catalog name such as "gelu_tanh" or "elu(alpha=0.5)".</summary>
    /// <exception cref="ArgumentException">Unknown name, or an activation with parameters to train.</exception>
    public Activation(string name)
        : this(ActivationCatalog.Parse(name))
    {
    }

    private Activation((ActivationInfo Info, double[] Values) parsed)
        : this(parsed.Info, parsed.Values)
    {
    }

    /// <summary>Its row in the catalog.</summary>
    public ActivationInfo Info { get; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => _function(input, _values);

    /// <inheritdoc/>
    public override string ToString() =>
        _values.Length == 0 ? Info.Name
            : $"{Info.Name}({string.Join(", ", _values.Select(v => v.ToString(CultureInfo.InvariantCulture)))})";
}

using Cresset.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>The tie between a name, today's parameter object and the optimizer's state for it.</summary>
internal sealed class ParameterBinding(NamedParameter named)
{
    private readonly Alias[] _aliases = [.. named.Aliases.Select(a => new Alias(a))];

    public string Name => named.Name;

    public NamedParameter Named => named;

    public Parameter Parameter { get; private set; } = named.Value;

    /// <summary>Null until the first step with a gradient.</summary>
    public ParameterState? State { get; set; }

    public IEnumerable<string> Names => [named.Name, .. named.Aliases.Select(a => a.Name)];

    /// <summary>The parameter and its other names.</summary>
    public IEnumerable<Parameter> Parameters => [Parameter, .. _aliases.Select(a => a.Value)];

    /// <summary>Looks the parameter up in its module again.</summary>
    public void Refresh()
    {
        foreach (var alias in _aliases) alias.Value = Find(alias.Named, alias.Value);
        var found = Find(named, Parameter);
        if (ReferenceEquals(found, Parameter)) return;
        Parameter = found;
        State?.Follow(found);
    }

    /// <summary>
    /// The gradient, a new wrapper that joins the open scope; null when there is none. Tied weights whose objects collect gradients apart
    /// (two tensors over one memory, or weights that <c>module.to</c> has parted) count together.
    /// </summary>
    public Tensor? Gradient()
    {
        var sum = Gradients.Of(Parameter);
        if (_aliases.Length == 0) return sum;
        var seen = new HashSet<nint>();
        if (sum is not null) seen.Add(Gradients.Place(sum));
        foreach (var alias in _aliases)
        {
            if (Gradients.Of(alias.Value) is not { } own || !seen.Add(Gradients.Place(own))) continue;
            if (sum is not null && (sum.is_sparse || own.is_sparse || !sum.shape.SequenceEqual(own.shape)))
                throw new NotSupportedException(
                    $"The gradients of \"{Name}\" and \"{alias.Named.Name}\", which are tied, cannot be added: one is sparse or has "
                        + $"another shape.");
            sum = sum is null ? own : sum + own.to(sum.dtype);
        }
        return sum;
    }

    /// <summary>Gives the weights to other names that no longer share their memory.</summary>
    public void Spread()
    {
        foreach (var alias in _aliases)
        {
            if (TensorIdentity.Place(alias.Value) != TensorIdentity.Place(Parameter)) alias.Value.copy_(Parameter);
        }
    }

    private static Parameter Find(NamedParameter which, Parameter current)
    {
        if (which.Owner is null) return current;
        foreach (var (name, parameter) in which.Owner.named_parameters(recurse: false))
        {
            if (name == which.OwnName)
                return !current.IsInvalid && TensorIdentity.Of(parameter) == TensorIdentity.Of(current) ? current : parameter;
        }
        throw new InvalidOperationException(
            $"Parameter \"{which.Name}\" is no longer in its module: build a new optimizer after changing the module.");
    }

    private sealed class Alias(NamedParameter named)
    {
        public NamedParameter Named => named;

        public Parameter Value { get; set; } = named.Value;
    }
}

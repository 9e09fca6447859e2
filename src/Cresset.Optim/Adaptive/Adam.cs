using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Adam"/>.</summary>
public sealed record AdamOptions : AdamFamilyOptions;

/// <summary>
/// Adam (Kingma and Ba 2015). Weight decay is coupled: an L2 term in the gradient, which the adaptive scaling then divides, so weights with
/// large gradients hardly decay. Use <see cref="AdamW"/> for decay that works.
/// </summary>
public sealed class Adam : AdamBase
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Adam(Module module, AdamOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Adam(IEnumerable<ParameterGroupSpec> groups, AdamOptions? options = null)
        : base(groups, options ?? new AdamOptions(), decoupled: false)
    {
    }
}

using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="AdamW"/>; the defaults are PyTorch's, weight decay 0.01 included.</summary>
public sealed record AdamWOptions : AdamFamilyOptions
{
    /// <summary>The defaults.</summary>
    public AdamWOptions() => WeightDecay = 0.01;
}

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter 2019): weights shrink by lr * decay outside the adaptive scaling, so every weight
/// decays at the same rate whatever the size of its gradients.
/// </summary>
public sealed class AdamW : AdamBase
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public AdamW(Module module, AdamWOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public AdamW(IEnumerable<ParameterGroupSpec> groups, AdamWOptions? options = null)
        : base(groups, options ?? new AdamWOptions(), decoupled: true)
    {
    }
}

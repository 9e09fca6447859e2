using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>What an activation works on.</summary>
public enum ActivationKind
{
    /// <summary>Each value by itself, no parameters to train.</summary>
    Elementwise,

    /// <summary>Each value by itself, with parameters to train.</summary>
    Trainable,

    /// <summary>A threshold with a surrogate gradient.</summary>
    Threshold,

    /// <summary>Normalises along the last dimension (softmax and its kin).</summary>
    Normalizing,

    /// <summary>Takes [..., 2H] or two inputs and gives [..., H].</summary>
    Gated,

    /// <summary>Changes the number of channels in another way (maxout, CReLU).</summary>
    Regrouping,
}

/// <summary>How often an activation can be differentiated everywhere.</summary>
public enum Smoothness
{
    /// <summary>It jumps.</summary>
    Discontinuous,

    /// <summary>Continuous, with kinks.</summary>
    Continuous,

    /// <summary>Continuously differentiable once.</summary>
    Once,

    /// <summary>Infinitely often.</summary>
    Infinite,
}

/// <summary>A number that shapes an activation, with its default.</summary>
/// <param name="Name">Its name in <c>"elu(alpha=0.5)"</c>.</param>
/// <param name="Default">Its value when nothing is given.</param>
public sealed record ActivationParameter(string Name, double Default);

/// <summary>One row of the <see cref="ActivationCatalog"/>.</summary>
public sealed record ActivationInfo
{
    /// <summary>The main name, in PyTorch's spelling where PyTorch has it: "silu", "gelu_tanh", "swiglu".</summary>
    public required string Name { get; init; }

    /// <summary>Other names for the same function (Hugging Face, timm, Keras, JAX).</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>What it works on.</summary>
    public ActivationKind Kind { get; init; } = ActivationKind.Elementwise;

    /// <summary>Whether the result has the shape of the input, as layers between two widths need it.</summary>
    public bool KeepsShape => Kind is not (ActivationKind.Gated or ActivationKind.Regrouping);

    /// <summary>f(x).</summary>
    public required string Formula { get; init; }

    /// <summary>f'(x), with the value at kinks.</summary>
    public required string Derivative { get; init; }

    /// <summary>The values it takes.</summary>
    public required string Range { get; init; }

    /// <summary>How smooth it is.</summary>
    public Smoothness Smoothness { get; init; } = Smoothness.Infinite;

    /// <summary>Where it comes from: authors and year.</summary>
    public required string Paper { get; init; }

    /// <summary>Well-known models that use it; may be empty.</summary>
    public string UsedBy { get; init; } = "";

    /// <summary>Numbers that can be given in parentheses after the name.</summary>
    public IReadOnlyList<ActivationParameter> Parameters { get; init; } = [];

    /// <summary>The function without trained parameters, or null when only a module makes sense.</summary>
    internal Func<Tensor, double[], Tensor>? Function { get; init; }

    /// <summary>Makes the module for kinds that hold parameters; null means the plain wrapper of <see cref="Function"/>.</summary>
    internal Func<double[], nn.Module<Tensor, Tensor>>? Module { get; init; }

    /// <summary>All names that find this row.</summary>
    public IEnumerable<string> Names => Aliases.Prepend(Name);

    /// <summary>The default values of <see cref="Parameters"/>, in order.</summary>
    internal double[] Defaults() => Parameters.Select(p => p.Default).ToArray();
}

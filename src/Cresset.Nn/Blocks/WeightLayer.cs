using Cresset.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A layer whose weights can be put in place one by one, so that a checkpoint's mapped tensors become the weights themselves and no second
/// copy is ever made.
/// </summary>
public abstract class WeightLayer : nn.Module<Tensor, Tensor>, IPlacesWeights
{
    private protected WeightLayer(string name)
        : base(name)
    {
    }

    /// <summary>Changes of the weight by adapters, in their order: the last one is taken out first.</summary>
    internal List<object> Merged { get; } = [];

    /// <summary>Puts a tensor in the place of the weight of this name; the layer owns it afterwards.</summary>
    internal abstract void Assign(string name, Tensor value);

    void IPlacesWeights.Assign(string name, Tensor value) => Assign(name, value);

    /// <summary>True where a weight of this name may stay packed.</summary>
    internal virtual bool TakesPacked(string name) => false;

    /// <summary>Puts a packed matrix in the place of the weight; the layer owns it afterwards.</summary>
    internal virtual void Assign(PackedWeight value) =>
        throw new InvalidOperationException($"{GetName()} holds no matrix that may stay packed.");

    private protected Parameter Replace(string name, Parameter? old, Tensor value)
    {
        if (old is not null && !old.shape.SequenceEqual(value.shape))
            throw new ShapeException($"{GetName()}.{name} has shape {Shape.Text(old)}; the new value has {Shape.Text(value)}.");
        var parameter = value as Parameter ?? new Parameter(value, requires_grad: false);
        parameter.DetachFromDisposeScope();
        ConditionallyRegisterParameter(name, parameter);
        old?.Dispose();
        return parameter;
    }

    // The place of a packed weight: a shape without memory.
    private protected Parameter Replace(Parameter old, PackedWeight value)
    {
        if (old.size(0) != value.Rows || old.size(1) != value.Columns)
            throw new ShapeException($"{GetName()}.weight has shape {Shape.Text(old)}; the new value has [{value.Rows}, {value.Columns}].");
        return Replace("weight", old, empty([value.Rows, value.Columns], device: META));
    }

    /// <summary>A weight in the element type of the input: the weight itself where they agree.</summary>
    /// <exception cref="ArgumentException">The input holds no floating-point numbers: in its type the weights would be other
    /// ones.</exception>
    private protected static Tensor As(Tensor weight, Tensor input)
        => weight.dtype == input.dtype ? weight
        : input.is_floating_point() ? weight.to(input.dtype)
        : throw new ArgumentException(
            $"The layer takes floating-point numbers; the input is {input.dtype}: call to(ScalarType.{weight.dtype}) first.",
            nameof(input));

    private protected static ArgumentException NoSuchWeight(string name) => new($"The layer has no weight '{name}'.", nameof(name));

    private protected static Parameter NewUniform(WeightPlace place, double bound, params long[] shape)
    {
        if (place.IsUnallocated) return new Parameter(empty(shape, dtype: place.Dtype, device: place.Device));
        using var noGrad = no_grad();
        // Drawn in single precision on the CPU, so that a seed gives the same weights everywhere; the global stream gives the bits of
        // libtorch's own layers.
        using var values = place.Generator is { } generator ? Initialize.Uniform(empty(shape), -bound, bound, generator)
            : empty(shape).uniform_(-bound, bound);
        return new Parameter(values.to(place.Dtype, place.Device ?? CPU, copy: true).DetachFromDisposeScope());
    }

    private protected static Parameter NewConstant(WeightPlace place, double value, params long[] shape)
        => new(full(shape, value, dtype: place.Dtype, device: place.Device).DetachFromDisposeScope());
}

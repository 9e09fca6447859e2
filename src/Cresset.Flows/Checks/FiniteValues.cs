using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Values that a model of real numbers takes.</summary>
internal static class FiniteValues
{
    /// <summary>Throws and names the first value that is not finite.</summary>
    public static void Check(Tensor values, string owner, string name)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var finite = values.isfinite();
        if (finite.all().ToBoolean()) return;
        var bad = finite.logical_not().nonzero().cpu();
        var place = bad[0].data<long>().ToArray();
        var value = values.detach().flatten()[finite.logical_not().flatten().to(ScalarType.Int32).argmax().ToInt64()].to(ScalarType.Float64)
            .ToDouble();
        var at = place.Length == 0 ? name : $"{name}[{string.Join(", ", place)}]";
        throw new ArgumentException(
            string.Create(CultureInfo.InvariantCulture,
                $"{owner}: {at} is {value}; {bad.size(0)} of {values.numel()} values are not finite. Leave such rows out, or fill them, "
                    + $"before they reach the model."), name);
    }

    /// <summary>Throws where values are not real numbers, or of another type or on another device than the model.</summary>
    public static void CheckType(Tensor values, Tensor? like, string owner, string name)
    {
        if (!values.is_floating_point())
        {
            throw new ArgumentException(
                $"{owner}: {name} is of type {values.dtype}; a density is one of real numbers. Dequantize counts with "
                    + $"Dequantization.Uniform; convert other numbers with {name}.to(torch.float32).", name);
        }
        if (like is null) return;
        if (values.device_type != like.device_type)
            throw new ArgumentException(
                $"{owner}: {name} is on {values.device} and the model on {like.device}. Move one of them: {name}.to(device).", name);
        // Half precision beside a float32 model is mixed precision: libtorch widens it.
        if (values.dtype != like.dtype && IsFull(values) && IsFull(like))
        {
            throw new ArgumentException(
                $"{owner}: {name} is of type {values.dtype} and the model of type {like.dtype}. Convert one of them: {name}.to(...) or "
                    + $"model.to(...).", name);
        }
    }

    private static bool IsFull(Tensor values) => values.dtype is ScalarType.Float32 or ScalarType.Float64;
}

using System.Globalization;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// The state of an optimizer: tensors under <c>slot/parameter name</c> and numbers (steps, learning rates). Saving both, for example as a
/// safetensors file with the numbers in its metadata, and loading them again continues a run bit for bit. The tensors are copies that the
/// caller owns.
/// </summary>
/// <param name="Optimizer">Type name of the optimizer.</param>
/// <param name="Tensors">State tensors.</param>
/// <param name="Scalars">Numbers; integers are exact up to 2^53.</param>
public sealed record OptimizerState(string Optimizer, IReadOnlyDictionary<string, Tensor> Tensors,
    IReadOnlyDictionary<string, double> Scalars) : IDisposable
{
    private const string Prefix = "optimizer.";

    /// <summary>The numbers and the optimizer's name as text, exact in both directions; keys start with <c>optimizer.</c>.</summary>
    public IReadOnlyDictionary<string, string> ToMetadata()
    {
        var metadata = new Dictionary<string, string> { [Prefix + "type"] = Optimizer };
        foreach (var (key, value) in Scalars) metadata[Prefix + key] = value.ToString("R", CultureInfo.InvariantCulture);
        return metadata;
    }

    /// <summary>The state from tensors and the metadata that <see cref="ToMetadata"/> made; other keys are ignored.</summary>
    /// <exception cref="FormatException">A value is not a number, or the type is missing.</exception>
    public static OptimizerState FromMetadata(IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        if (!metadata.TryGetValue(Prefix + "type", out var type))
            throw new FormatException($"The metadata holds no \"{Prefix}type\": these tensors are not an optimizer's state.");
        var scalars = new Dictionary<string, double>();
        foreach (var (key, value) in metadata)
        {
            if (!key.StartsWith(Prefix, StringComparison.Ordinal) || key == Prefix + "type") continue;
            scalars[key[Prefix.Length..]] = double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new FormatException($"Metadata \"{key}\" is \"{value}\"; a number was expected.");
        }
        return new OptimizerState(type, tensors, scalars);
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (var tensor in Tensors.Values) tensor.Dispose();
    }
}

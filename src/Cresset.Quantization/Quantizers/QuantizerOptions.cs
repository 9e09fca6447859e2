using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>A quantizer by its options: constructor argument of the module, and what a recipe names under "quantizer".</summary>
[PartKind("quantizer")]
public abstract record QuantizerOptions : IOptionsRecord
{
    /// <summary>Makes the quantizer; its first state is drawn from the generator (seed 0 when null).</summary>
    /// <exception cref="InvalidOptionsException">An option is out of range.</exception>
    public abstract Quantizer Build(Generator? generator = null);

    /// <inheritdoc/>
    public abstract IEnumerable<OptionProblem> Validate();

    /// <summary>The same quantizer with another number of codes; null when their number is not an option of its own.</summary>
    internal virtual QuantizerOptions? WithCodes(int codes) => null;

    /// <summary>
    /// The same quantizer for vectors of that width: by its own option where it has one, else between two learned linear maps.
    /// </summary>
    public QuantizerOptions ForWidth(int width) => WithWidth(width) ?? new ProjectedQuantizerOptions { Width = width, Inner = this };

    /// <summary>The same quantizer with another width; null when its other options fix the width.</summary>
    internal virtual QuantizerOptions? WithWidth(int width) => null;

    /// <summary>True when its values carry a gradient of their own, so that no estimator may stand over a residual stack of it.</summary>
    internal virtual bool HasOwnGradient => false;

    /// <summary>
    /// True when it codes maps as wholes, so that no other quantizer can give it their vectors: see <see cref="Quantizer.Scales"/>.
    /// </summary>
    internal virtual bool TakesWholeMaps => false;

    /// <summary>
    /// By how much the grid of a residual stage is finer than that of the first; 1 where codes follow the residuals by themselves.
    /// </summary>
    internal virtual double StageScale(int stage) => 1;
}

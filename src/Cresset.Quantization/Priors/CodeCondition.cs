using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// What a model over codes is told of its maps: nothing, a class each (int64 [N]) or a caption each (int64 [N, T]). Classes are rows of the
/// model's own tables; the vectors of captions are added at every place of a map, to what stands there for no class.
/// </summary>
/// <param name="options">What the model is conditioned on.</param>
/// <param name="takesNone">Whether -1 stands for no class.</param>
internal sealed class CodeCondition(PriorOptions options, bool takesNone = false)
{
    /// <summary>The encoder's key in the model.</summary>
    public const string Key = "text";

    private CaptionEncoder? _encoder;

    public int Classes => options.Classes;

    public CaptionEncoderOptions? Captions => options.Captions;

    /// <summary>Makes the encoder of captions, where there is one; the last of the model's layers, so that those before keep their
    /// draws.</summary>
    public void AddEncoder(nn.Module owner, long outputs, Generator generator)
    {
        if (Captions is { } captions) _encoder = LayerKeys.Add(owner, Key, new CaptionEncoder(captions, outputs, generator));
    }

    /// <summary>The classes of a model that is told them, else null.</summary>
    public Tensor? Labels(Tensor? condition) => Captions is null ? condition : null;

    /// <summary>Vectors [N, outputs] of a model that is told captions, else null.</summary>
    public Tensor? Vectors(Tensor? condition) => _encoder?.call(condition!);

    /// <summary>What stands for maps of which nothing is told, in the shape of <paramref name="condition"/>.</summary>
    public Tensor Nothing(Tensor condition) => full_like(condition, Captions is null ? -1L : 0L);

    /// <exception cref="ArgumentException">The condition is missing, not wanted, of another shape, or out of range.</exception>
    public void Check(Tensor? condition, long batch)
    {
        if (condition is null != (Classes == 0 && Captions is null))
            throw new ArgumentException(
                condition is not null ? "labels were given, but the prior has no classes and reads no captions."
                    : Captions is not null ? "captions are missing: the prior is conditioned on them (zeros are none)."
                    : $"labels are missing: the prior is conditioned on {Classes} classes.", nameof(condition));
        if (condition is null) return;
        if (Captions is { } captions)
        {
            Shape.Expect(condition, "B T", ("B", batch));
            if (condition.size(1) < 1 || condition.size(1) > captions.MaxLength)
                throw new ArgumentException(
                    $"captions have {condition.size(1)} words; the prior reads 1 to {captions.MaxLength} (MaxLength), zeros behind shorter "
                        + "ones.", nameof(condition));
            CodeRange.Check(condition, [captions.Vocabulary], "captions");
            return;
        }
        Shape.Expect(condition, "B", ("B", batch));
        var least = takesNone ? -1 : 0;
        using var scope = NewDisposeScope();
        if (condition.dtype != ScalarType.Int64 || condition.lt(least).any().ToBoolean() || condition.ge(Classes).any().ToBoolean())
            throw new ArgumentException(
                $"labels must be Int64 from {least} to {Classes - 1}; they are {condition.dtype} from {condition.min().ToDouble():F0} to "
                    + $"{condition.max().ToDouble():F0}.", nameof(condition));
    }
}

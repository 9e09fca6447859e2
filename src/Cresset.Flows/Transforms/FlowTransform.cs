using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// An invertible, differentiable map of samples [N, ...]. Forward runs from data to latent, Inverse back; both give the log of the absolute
/// Jacobian determinant of the map they apply, one value per sample [N].
/// </summary>
public abstract class FlowTransform : nn.Module
{
    /// <summary>For derived classes, which register their components themselves.</summary>
    protected FlowTransform(string name)
        : base(name)
    {
    }

    /// <summary>
    /// Whether the map reads a context; one that does not refuses it. Chains hand their context to the parts that take it.
    /// </summary>
    public virtual bool TakesContext => true;

    // Dimensions of one sample, where the map makes latents of another number of dimensions.
    internal virtual int? SampleDimensions => null;

    /// <summary>z = f(x) and log|det df/dx| [N].</summary>
    /// <param name="x">Samples [N, ...].</param>
    /// <param name="context">What the map is conditioned on [N, C]; null where it is not conditional.</param>
    public abstract (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null);

    /// <summary>x = f^-1(z) and log|det dx/dz| [N].</summary>
    /// <param name="z">Samples [N, ...].</param>
    /// <param name="context">As in <see cref="Forward"/>.</param>
    public abstract (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null);

    /// <summary>Throws where a map that reads no context is given one: it would be dropped in silence.</summary>
    /// <exception cref="ArgumentException">A context is given.</exception>
    protected void RefuseContext(Tensor? context)
    {
        if (context is null) return;
        throw new ArgumentException(
            $"{GetType().Name} takes no context, and one of shape {Cresset.Tensors.Shape.Text(context)} is given. Leave it out, or "
                + $"condition a coupling or an autoregressive transform on it.", nameof(context));
    }

    /// <summary>Sums a log-derivative [N, ...] over everything but the samples.</summary>
    protected internal static Tensor SumPerSample(Tensor values) => values.dim() == 1 ? values.alias() : values.flatten(1).sum(1);

    /// <summary>The same log-determinant for each sample: a scalar as [N].</summary>
    protected static Tensor PerSample(Tensor scalar, Tensor like) => scalar.reshape(1).expand(like.size(0));

    /// <summary>Moves a result out of the scope it was made in.</summary>
    protected static (Tensor Output, Tensor LogAbsDet) Move(Tensor output, Tensor logAbsDet)
        => (output.MoveToOuterDisposeScope(), logAbsDet.MoveToOuterDisposeScope());
}

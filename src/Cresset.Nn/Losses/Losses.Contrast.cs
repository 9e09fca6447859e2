using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

public static partial class Losses
{
    /// <summary>
    /// InfoNCE (van den Oord et al. 2018): each query [N, D] finds its own key [N, D] among all keys, or among its key and
    /// <paramref name="negatives"/>. Vectors are compared by their cosines, divided by the temperature.
    /// </summary>
    /// <param name="queries">Vectors [N, D].</param>
    /// <param name="keys">Their partners [N, D].</param>
    /// <param name="negatives">Vectors [M, D] that belong to none; null: the keys of the others.</param>
    /// <param name="temperature">The smaller, the sharper; greater than 0.</param>
    /// <param name="symmetric">Also let keys find their queries and take the mean, as CLIP does; not together with negatives.</param>
    /// <param name="reduction">How losses become one number.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static Tensor InfoNce(Tensor queries, Tensor keys, Tensor? negatives = null, double temperature = 0.1, bool symmetric = false,
        LossReduction reduction = LossReduction.Mean)
    {
        var type = ComputedIn(queries, nameof(InfoNce));
        if (queries.dim() != 2) throw Shape.Wrong(queries, "[N, D]");
        SameShape(nameof(InfoNce), (nameof(queries), queries), (nameof(keys), keys));
        if (negatives is not null && (negatives.dim() != 2 || negatives.size(1) != queries.size(1)))
            throw Shape.Wrong(negatives, $"[M, {queries.size(1)}]");
        if (negatives is not null && symmetric)
            throw new ArgumentException("InfoNce: symmetric goes without negatives, since they belong to no query.", nameof(symmetric));
        CheckTemperature(temperature);
        using var scope = NewDisposeScope();
        Tensor q = Unit(queries.to(type)), k = Unit(keys.to(type));
        Tensor losses;
        if (negatives is null)
        {
            var cosines = q.mm(k.t()) / temperature;
            var own = cosines.diagonal();
            losses = cosines.logsumexp(1) - own;
            if (symmetric) losses = (losses + cosines.logsumexp(0) - own) / 2;
        }
        else
        {
            var own = (q * k).sum(1, keepdim: true) / temperature;
            losses = (cat([own, q.mm(Unit(negatives.to(type)).t()) / temperature], 1).logsumexp(1, keepdim: true) - own).squeeze(1);
        }
        return Reduce(losses, reduction).to(queries.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// NT-Xent, the loss of SimCLR (Chen et al. 2020): each of two views [N, D] of N things finds the other one among the 2N - 1 other
    /// vectors of the batch, by cosines divided by the temperature. None reduced it is [2N], the first views before the second.
    /// </summary>
    /// <param name="first">Vectors of the first views.</param>
    /// <param name="second">Vectors of the second views.</param>
    /// <param name="temperature">The smaller, the sharper; greater than 0.</param>
    /// <param name="reduction">How losses become one number.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static Tensor NtXent(Tensor first, Tensor second, double temperature = 0.5, LossReduction reduction = LossReduction.Mean)
    {
        var type = ComputedIn(first, nameof(NtXent));
        if (first.dim() != 2) throw Shape.Wrong(first, "[N, D]");
        SameShape(nameof(NtXent), (nameof(first), first), (nameof(second), second));
        CheckTemperature(temperature);
        using var scope = NewDisposeScope();
        var n = first.size(0);
        var z = Unit(cat([first.to(type), second.to(type)], 0));
        var self = eye(2 * n, dtype: ScalarType.Bool, device: first.device);
        var cosines = (z.mm(z.t()) / temperature).masked_fill(self, double.NegativeInfinity);
        var partners = cat([cosines.diagonal(n), cosines.diagonal(-n)], 0);
        return Reduce(cosines.logsumexp(1) - partners, reduction).to(first.dtype).MoveToOuterDisposeScope();
    }

    private static void CheckTemperature(double temperature)
    {
        if (!(temperature > 0) || !double.IsFinite(temperature))
            throw new ArgumentOutOfRangeException(nameof(temperature), temperature,
                "The temperature must be greater than 0; usual is 0.05 to 1.");
    }

    // Length 1; a vector of zeros stays one. Over the largest number no square overflows or is lost: a direction has no size.
    private static Tensor Unit(Tensor vectors)
    {
        if (vectors.size(-1) == 0) return vectors;
        var scaled = vectors / vectors.detach().abs().amax([-1], keepdim: true).clamp_min(SmallestLength);
        return scaled / scaled.square().sum(-1, keepdim: true).clamp_min(1).sqrt();
    }
}

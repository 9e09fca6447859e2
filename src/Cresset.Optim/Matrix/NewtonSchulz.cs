using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// The quintic Newton-Schulz iteration of Muon (Jordan et al. 2024): drives the singular values of a matrix towards 1 (about 0.7 to 1.2, not exactly)
/// with matrix products alone.
/// </summary>
public static class NewtonSchulz
{
    /// <summary>Orthogonalizes the matrices <paramref name="input"/> [..., rows, columns] approximately; <paramref name="steps"/> iterations with the coefficients (3.4445, -4.7750, 2.0315).</summary>
    public static Tensor Orthogonalize(Tensor input, int steps = 5)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() < 2) throw new ArgumentException($"A matrix is needed; the tensor has {input.dim()} dimensions.", nameof(input));
        using var scope = NewDisposeScope();
        const double A = 3.4445, B = -4.7750, C = 2.0315;
        var tall = input.size(-2) > input.size(-1);
        var x = tall ? input.transpose(-2, -1) : input;
        x = x / (x.square().sum([-2, -1], keepdim: true).sqrt() + 1e-7);
        for (var i = 0; i < steps; i++)
        {
            // The smaller Gram matrix: rows never exceed columns here.
            var gram = x.matmul(x.transpose(-2, -1));
            var polynomial = (gram * B) + (gram.matmul(gram) * C);
            x = (x * A) + polynomial.matmul(x);
        }
        return (tall ? x.transpose(-2, -1) : x).MoveToOuterDisposeScope();
    }
}

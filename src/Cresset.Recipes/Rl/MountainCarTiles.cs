using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>Learners of the mountain car on eight tilings of 8 by 8 whose weights can be stored and taken up again.</summary>
internal static class MountainCarTiles
{
    /// <summary>A learner with the choices of <paramref name="options"/>.</summary>
    public static SparseControl Learner(RlSolveOptions options) => Learner(((TileLearner)options.Algorithm).Options(options.Control));

    /// <summary>A greedy learner with stored weights.</summary>
    public static SparseControl Stored(IReadOnlyList<double> weights)
    {
        var learner = Learner(new SparseControlOptions());
        if (weights.Count != learner.Weights.Length)
            throw new InvalidDataException(
                $"The policy has {weights.Count} weights; the tiles of the mountain car have {learner.Weights.Length}.");
        for (var i = 0; i < learner.Weights.Length; i++) learner.Weights[i] = weights[i];
        return learner;
    }

    /// <summary>Position and velocity of a point of a square grid over both cars.</summary>
    public static float[] State(int position, int velocity, int side) =>
        [-1.2f + (1.8f * position / side), -0.07f + (0.14f * velocity / side)];

    private static SparseControl Learner(SparseControlOptions options)
    {
        var learner = SparseControl.MountainCar(options);
        // Tiles get their indices when they are first met: meeting all of them in a fixed order makes stored weights fit a new learner.
        const int Side = 96;
        for (var i = 0; i <= Side; i++)
        {
            for (var j = 0; j <= Side; j++)
            {
                for (var action = 0; action < 3; action++) learner.Value(State(i, j, Side), action);
            }
        }
        return learner;
    }
}

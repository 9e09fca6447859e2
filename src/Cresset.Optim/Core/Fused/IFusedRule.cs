using System.Runtime.Intrinsics;

namespace Cresset.Optim;

/// <summary>
/// The element-wise mathematics of one optimizer on a vector of elements. Written once for float32 and float64; the driver owns memory,
/// threads, clipping, rounding and the weight average.
/// </summary>
/// <typeparam name="T">float or double.</typeparam>
/// <typeparam name="TScalars">The numbers of one parameter and step, in float64.</typeparam>
/// <typeparam name="TSelf">The rule itself.</typeparam>
internal interface IFusedRule<T, TScalars, TSelf>
    where TSelf : struct, IFusedRule<T, TScalars, TSelf>
{
    static abstract TSelf Create(in TScalars scalars);

    /// <summary>Updates parameter and state vectors in place; unused states hold anything.</summary>
    void Update(ref Vector512<T> parameter, Vector512<T> gradient, ref Vector512<T> state0, ref Vector512<T> state1,
        ref Vector512<T> state2);
}

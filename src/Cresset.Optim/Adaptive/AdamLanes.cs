using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cresset.Optim;

/// <summary>The numbers of one Adam step of one parameter.</summary>
/// <param name="StepSize">lr / (1 - beta1^t).</param>
/// <param name="RootCorrection">1 / sqrt(1 - beta2^t).</param>
/// <param name="Beta1">First beta.</param>
/// <param name="Beta2">Second beta.</param>
/// <param name="Epsilon">Added to the root.</param>
/// <param name="Shrink">Decoupled decay: the weight's factor, 1 - lr * decay.</param>
/// <param name="Coupled">Coupled decay: times the weight, added to the gradient.</param>
/// <param name="AmsGrad">Keep the largest second moment in the third state.</param>
internal readonly record struct AdamScalars(double StepSize, double RootCorrection, double Beta1, double Beta2, double Epsilon, double Shrink, double Coupled, bool AmsGrad);

/// <summary>Adam and AdamW on a vector: states are the first and second moment and the largest second moment.</summary>
internal readonly struct AdamLanes<T> : IFusedRule<T, AdamScalars, AdamLanes<T>>
    where T : unmanaged, INumber<T>
{
    private readonly Vector512<T> _stepSize, _rootCorrection, _rest1, _beta2, _rest2, _epsilon, _shrink, _coupled;
    private readonly bool _hasShrink, _hasCoupled, _amsGrad;

    private AdamLanes(in AdamScalars s)
    {
        _stepSize = All(s.StepSize);
        _rootCorrection = All(s.RootCorrection);
        _rest1 = All(1 - s.Beta1);
        _beta2 = All(s.Beta2);
        _rest2 = All(1 - s.Beta2);
        _epsilon = All(s.Epsilon);
        _shrink = All(s.Shrink);
        _coupled = All(s.Coupled);
        _hasShrink = s.Shrink != 1;
        _hasCoupled = s.Coupled != 0;
        _amsGrad = s.AmsGrad;
    }

    public static AdamLanes<T> Create(in AdamScalars scalars) => new(scalars);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Update(ref Vector512<T> parameter, Vector512<T> gradient, ref Vector512<T> state0, ref Vector512<T> state1, ref Vector512<T> state2)
    {
        if (_hasCoupled) gradient = Lanes.MultiplyAdd(_coupled, parameter, gradient);
        if (_hasShrink) parameter *= _shrink;
        state0 = Lanes.MultiplyAdd(_rest1, gradient - state0, state0);
        state1 = Lanes.MultiplyAdd(_rest2 * gradient, gradient, _beta2 * state1);
        var second = state1;
        if (_amsGrad)
        {
            // As max in tensor operations: a NaN on either side stays.
            state2 = Vector512.Max(state2, state1);
            second = state2;
        }
        parameter -= _stepSize * state0 / ((Vector512.Sqrt(second) * _rootCorrection) + _epsilon);
    }

    private static Vector512<T> All(double value) => Vector512.Create(T.CreateTruncating(value));
}

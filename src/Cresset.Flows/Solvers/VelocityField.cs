using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>The right-hand side of dy/dt = f(t, y).</summary>
/// <param name="time">The time.</param>
/// <param name="state">The state, any shape.</param>
/// <returns>The slope, of the state's shape.</returns>
public delegate Tensor VelocityField(double time, Tensor state);

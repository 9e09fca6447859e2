namespace Cresset.Flows;

/// <summary>How gradients go through a solve.</summary>
public enum OdeGradient
{
    /// <summary>Through the steps themselves: exact for the discrete solution, memory grows with the steps.</summary>
    Direct,

    /// <summary>The continuous adjoint (Chen et al. 2018): a second solve backwards, constant memory, accurate to the tolerance.</summary>
    Adjoint,

    /// <summary>
    /// States of the accepted steps are kept, each step is repeated for its gradient: equal to <see cref="Direct"/>, memory of one step and
    /// the states.
    /// </summary>
    Checkpoint,
}

namespace Cresset.Nn;

/// <summary>
/// A module that takes inputs of any floating type and computes in the type of its weights, so that it can be turned to bfloat16 as a
/// whole.
/// </summary>
public interface IComputesInWeightType;

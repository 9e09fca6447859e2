namespace Cresset.Plots;

/// <summary>The part of the plane that a grid of values covers: its first and last points.</summary>
/// <param name="XMin">x of the first column.</param>
/// <param name="XMax">x of the last column.</param>
/// <param name="YMin">y of the first row.</param>
/// <param name="YMax">y of the last row.</param>
public readonly record struct PlotArea(double XMin, double XMax, double YMin, double YMax);

namespace Cresset.Optim;

/// <summary>A class of a package that has the name of a method of ours and is not continued by it.</summary>
/// <param name="Origin">The package.</param>
/// <param name="Class">Its class.</param>
/// <param name="Rule">Our rule.</param>
/// <param name="Reason">Where the two differ.</param>
internal sealed record PackageRefusal(OptimizerOrigin Origin, string Class, Type Rule, string Reason);

using System.Reflection;
using Cresset.Numerics;
using Xunit;

namespace Cresset.Tests.Managed;

[PartKind("shape")]
public interface IShape : IOptionsRecord;

/// <summary>A round shape.</summary>
[Part("circle", "Euclid", Aliases = ["disk"])]
public sealed record Circle : IShape
{
    /// <summary>Distance from the centre to the rim.</summary>
    public double Radius { get; init; } = 1;

    public IEnumerable<OptionProblem> Validate() => new OptionChecks().Positive(Radius);
}

[Part("square")]
public sealed record Square : IShape
{
    public IEnumerable<OptionProblem> Validate() => [];
}

public sealed class PartCatalogTests
{
    private static readonly PartCatalog Catalog = new(typeof(PartCatalogTests).Assembly);

    [Fact]
    public void PartsOfAnAssemblyWithoutAnIndexAreFoundByAttribute()
    {
        Assert.Equal(["circle", "square"], Catalog.Of("shape").Select(p => p.Name));
        Assert.Equal(new Circle(), Catalog.Find("shape", "DISK")!.Create());
        Assert.Equal("Euclid", Catalog.EntryOf(typeof(Circle))!.Source);
        Assert.Null(Catalog.Find("shape", "circ"));
    }

    [Fact]
    public void UnknownNamesAreAnsweredWithTheNearest()
        => Assert.Contains("unknown shape 'cirle'. Did you mean 'circle'? Known: circle, square.",
            Assert.Throws<ArgumentException>(() => Catalog.Get("shape", "cirle")).Message, StringComparison.Ordinal);

    [Fact]
    public void KindsComeFromBaseTypesAndInterfaces()
    {
        Assert.Equal("shape", PartCatalog.KindOf(typeof(Square)));
        Assert.Equal("shape", PartCatalog.KindOf(typeof(IShape)));
        Assert.Null(PartCatalog.KindOf(typeof(string)));
    }

    [Fact]
    public void CressetAssembliesBringAnIndexAndItsSummaries()
    {
        var numerics = typeof(IOptionsRecord).Assembly;
        Assert.NotNull(numerics.GetCustomAttribute<PartIndexAttribute>());
        var summary = new PartCatalog(numerics).SummaryOf(typeof(ApproximationOptions));
        Assert.False(string.IsNullOrWhiteSpace(summary));
    }

    [Fact]
    public void TheCatalogTakesAnAssemblyOnce() => Assert.Single(Catalog.With(typeof(PartCatalogTests).Assembly).Assemblies);
}

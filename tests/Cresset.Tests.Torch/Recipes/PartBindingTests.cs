using Cresset.Numerics;
using Cresset.Recipes;
using Xunit;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>A family of parts of this test's own: found by attribute, bound like every built-in one.</summary>
[PartKind("vehicle")]
public abstract record Vehicle : IOptionsRecord
{
    /// <summary>Largest speed in km/h.</summary>
    public double Speed { get; init; } = 20;

    public IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Speed, 0, 500);
}

[Part("bicycle", "Drais 1817", Aliases = ["bike"])]
public sealed record Bicycle : Vehicle
{
    public int Gears { get; init; } = 7;
}

[Part("train")]
public sealed record Train : Vehicle
{
    public Vehicle Last { get; init; } = new Bicycle { Gears = 3 };

    public IReadOnlyList<Vehicle> Wagons { get; init; } = [];
}

public sealed record Garage : IOptionsRecord
{
    public Vehicle Vehicle { get; init; } = new Bicycle { Gears = 21 };

    public Vehicle? Spare { get; init; }

    public IEnumerable<OptionProblem> Validate() => new OptionChecks().Nested(Vehicle).Nested(Spare);
}

public sealed class PartBindingTests
{
    private static readonly PartCatalog Parts = BuiltInParts.Catalog.With(typeof(PartBindingTests).Assembly);

    [Theory]
    [InlineData("vehicle: bicycle", typeof(Bicycle))]
    [InlineData("vehicle: bike", typeof(Bicycle))]
    [InlineData("vehicle: {kind: train, speed: 300}", typeof(Train))]
    [InlineData("vehicle: {gears: 5}", typeof(Bicycle))]
    public void ShortLongAndUnnamedFormsFindThePart(string yaml, Type type) => Assert.IsType(type, Bind(yaml).Vehicle);

    [Fact]
    public void TheSamePartKeepsTheDefaultsAroundItAndAnotherBringsItsOwn()
    {
        Assert.Equal(21, ((Bicycle)Bind("vehicle: {kind: bicycle, speed: 30}").Vehicle).Gears);
        Assert.Equal(7, ((Bicycle)Bind("spare: bicycle").Spare!).Gears);
        Assert.Equal(5, ((Bicycle)((Train)Bind("vehicle: {kind: train, last: {gears: 5}}").Vehicle).Last).Gears);
        Assert.Equal(2, ((Train)Bind("vehicle: {kind: train, wagons: [bicycle, {kind: train, speed: 1}]}").Vehicle).Wagons.Count);
    }

    [Theory]
    [InlineData("vehicle: bycicle", "r.yaml, line 1: vehicle: unknown vehicle 'bycicle'. Did you mean 'bicycle'? Known: bicycle, train.")]
    [InlineData("vehicle: digits-classifier", "'digits-classifier' is a job, not a vehicle.")]
    [InlineData("vehicle: {kind: train, gears: 3}", "unknown key 'vehicle.gears'.")]
    [InlineData("vehicle: {gear: 3}", "Did you mean 'gears'? gears is a whole number, default 21.")]
    [InlineData("vehicle: {sped: 3}", "Did you mean 'speed'? speed is ")]
    [InlineData("vehicle: {speed: -3}", "r.yaml, line 1: vehicle.speed is -3; allowed: [0, 500].")]
    [InlineData("vehicle: [bicycle]", "vehicle is a list; expected the name of a part of kind vehicle.")]
    [InlineData("spare: {speed: 3}", "spare names no part; write 'kind: name' with one of bicycle, train.")]
    public void WrongPartsAreRefusedWithTheFix(string yaml, string message)
        => Assert.Contains(message, Assert.Throws<ConfigException>(() => Bind(yaml)).Message, StringComparison.Ordinal);

    [Fact]
    public void WhatIsWrittenBindsToTheSame()
    {
        var garage = new Garage
        {
            Vehicle = new Train { Speed = 0.1 + 0.2, Wagons = [new Bicycle(), new Train()] },
            Spare = new Bicycle { Gears = 1 }
        };
        var yaml = ConfigYaml.Write(OptionsWriter.Write(garage));
        Assert.Equal(yaml, ConfigYaml.Write(OptionsWriter.Write(Bind(yaml))));
    }

    [Fact]
    public void EveryPartOfTheCatalogIsFoundByItsName()
    {
        Assert.All(BuiltInParts.Catalog.All, part =>
        {
            Assert.Same(part, BuiltInParts.Catalog.Find(part.Kind, part.Name));
            Assert.IsType(part.Type, part.Create());
            Assert.False(string.IsNullOrWhiteSpace(part.Summary), $"{part.Kind} {part.Name} has no summary");
        });
    }

    [Fact]
    public void JobsAreCalledAsTheirPartsAre()
        => Assert.All(BuiltInParts.Catalog.Of("job"), part => Assert.Equal(part.Name, ((IJob)part.Create()).Name));

    private static Garage Bind(string yaml) =>
        (Garage)new OptionsBinder(Parts).Bind(new Garage(), ConfigNode.Parse(yaml, "r.yaml"), "", new ConfigSource("r.yaml", 0));
}

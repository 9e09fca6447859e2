using Cresset.Data;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Data;

/// <summary>
/// Numbers that lose themselves on the way to a model, and names that a person would take for one: said or refused before training.
/// </summary>
[LeakFree]
public sealed class AwkwardNumbersTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-awkward-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("0.1")]
    [InlineData("1e30")]
    [InlineData("123456.789")]
    public void AConstantColumnHasNoDeviation(string constant)
    {
        using var split = Table(i => $"{i},{constant},{i}").Open(new DataUse(TargetKind.Number));
        var column = split.Facts.Table!.Columns.Single(c => c.Name == "y");
        Assert.Equal((double.Parse(constant, System.Globalization.CultureInfo.InvariantCulture), 1), (column.Mean, column.Deviation));
        Assert.Contains(split.Notes, n => n.Contains("tells nothing", StringComparison.Ordinal));
    }

    [Fact]
    public void LargeNumbersAreStandardisedOrRefusedButNeverInfinite()
    {
        using (var split = Table(i => $"{i},{i}e200,{i}").Open(new DataUse(TargetKind.Number)))
        {
            var column = split.Facts.Table!.Columns.Single(c => c.Name == "y");
            Assert.True(double.IsFinite(column.Mean) && column.Deviation is > 1e200 and < 1e202);
        }
        Assert.Contains("column 'y'",
            Assert.Throws<DataMismatchException>(
                () => Table(i => $"{i},{(i % 2 == 0 ? "-" : "")}1.7e308,{i}").Open(new DataUse(TargetKind.Number))).Message,
                StringComparison.Ordinal);
        Assert.Contains("column 'z'",
            Assert.Throws<DataMismatchException>(() => Table(i => $"{i},{i},{i}e300").Open(new DataUse(TargetKind.Number))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void DifferencesThatFloat32CannotHoldAreRefused()
    {
        using var scope = NewDisposeScope();
        var seconds = arange(40, dtype: float64) * 0.5 + 1.7e9;
        var labels = arange(40) % 2;
        foreach (var numbers in new[] { seconds, arange(40) + 1_000_000_000_000L })
        {
            var refused = Assert.Throws<DataMismatchException>(
                () => Arrays(stack([numbers, arange(40, dtype: numbers.dtype)], 1), labels).Open(new DataUse(TargetKind.Class)));
            Assert.Contains("input 0 goes from", refused.Message, StringComparison.Ordinal);
        }
        Assert.Contains("float32 cannot hold",
            Assert.Throws<DataMismatchException>(
                () => Arrays(rand(40, 2, dtype: float64) * 1e39, labels).Open(new DataUse(TargetKind.Class))).Message,
                StringComparison.Ordinal);
        Assert.Contains("target 0",
            Assert.Throws<DataMismatchException>(
                () => Arrays(rand(40, 2), (arange(40, dtype: float64) * 0.01) + 1e9).Open(new DataUse(TargetKind.Number))).Message,
                StringComparison.Ordinal);
        // What float32 tells apart is taken: a column that is constant, and large numbers far from each other.
        using var fine = Arrays(stack([full(40, 1.7e9, dtype: float64), arange(40, dtype: float64) * 1e9], 1), labels)
            .Open(new DataUse(TargetKind.Class));
        Assert.Equal(2, fine.Facts.Classes.Count);
    }

    [Fact]
    public void OneTargetForAllIsRefused()
    {
        using var scope = NewDisposeScope();
        Assert.Contains("one value",
            Assert.Throws<DataMismatchException>(() => Arrays(rand(40, 2), tensor(3)).Open(new DataUse(TargetKind.Class))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void StandardizationKeepsSmallDeviations()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var small = rand([60, 1], generator: generator);
        using var split = Arrays(cat([small * 1e-9f, (small * 100) + 1e5f, full([60, 1], 0.1f)], 1), arange(60) % 2)
            .Open(new DataUse(TargetKind.Class));
        var (mean, deviation) = split.Standardization();
        var train = ((TensorDataset)split.Train).Inputs.to(float64);
        var expected = train.std(0, unbiased: false).data<double>().ToArray();
        Assert.Equal(1, deviation[0] / expected[0], 1e-5);
        Assert.Equal(1, deviation[1] / expected[1], 1e-5);
        Assert.Equal(1f, deviation[2]);
        Assert.Equal(train.mean([0L]).data<double>()[1], mean[1], 1e-1);
    }

    [Theory]
    [InlineData("Cat", "cat")]
    [InlineData("a b", "a  b")]
    [InlineData("caf\u00e9", "cafe\u0301")]
    public void ClassesThatLookAlikeAreNamed(string one, string other)
    {
        using var split = (Table(i => $"{i},{i},{(i % 2 == 0 ? one : other)}") with { Target = "z" }).Open(new DataUse(TargetKind.Class));
        Assert.Equal(2, split.Facts.Classes.Count);
        Assert.Contains(split.Notes,
            n => n.Contains($"'{one}'", StringComparison.Ordinal) && n.Contains($"'{other}'", StringComparison.Ordinal));
        using var plain = (Table(i => $"{i},{i},{(i % 2 == 0 ? "cat" : "dog")}") with { Target = "z" }).Open(new DataUse(TargetKind.Class));
        Assert.DoesNotContain(plain.Notes, n => n.Contains("classes of their own", StringComparison.Ordinal));
    }

    [Fact]
    public void ALinkToAListedClassIsNoClassWhicheverComesFirst()
    {
        if (OperatingSystem.IsWindows()) return;
        var picture = Cresset.Plots.Picture.FromPlanes(new byte[64], 1, 8, 8).ToPng();
        foreach (var name in new[] { "cat", "dog" })
        {
            Directory.CreateDirectory(Path.Combine(_folder, "pictures", name));
            for (var i = 0; i < 4; i++)
            {
                File.WriteAllBytes(Path.Combine(_folder, "pictures", name, $"{i}.png"), picture);
            }
        }
        foreach (var link in new[] { "aaa", "zzz" })
            Directory.CreateSymbolicLink(Path.Combine(_folder, "pictures", link), Path.Combine(_folder, "pictures", "dog"));
        using var split = new FolderData
        {
            Path = Path.Combine(_folder, "pictures"),
            Size = 8
        }.Open(new DataUse(TargetKind.Class, NeedsPictures: true));
        Assert.Equal(["cat", "dog"], split.Facts.Classes);
        Assert.Contains(split.Notes, n => n.Contains("(aaa, zzz)", StringComparison.Ordinal));
    }

    private CsvData Table(Func<int, string> row)
    {
        var path = Path.Combine(_folder, "t.csv");
        File.WriteAllText(path, "x,y,z\n" + string.Concat(Enumerable.Range(0, 40).Select(i => row(i) + "\n")));
        return new CsvData { Path = path, Target = "z" };
    }

    private NpyData Arrays(Tensor inputs, Tensor targets)
    {
        var (x, y) = (Path.Combine(_folder, "x.npy"), Path.Combine(_folder, "y.npy"));
        NpyFile.Write(x, inputs);
        NpyFile.Write(y, targets);
        return new NpyData { Path = x, Targets = y };
    }
}

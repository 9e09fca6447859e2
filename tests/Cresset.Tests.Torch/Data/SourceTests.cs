using Cresset.Data;
using CsCheck;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Data;

[LeakFree]
public sealed class SourceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-source-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void DigitsKeepTheirTestPartAndChooseFromTheRest()
    {
        using var split = new DigitsData().Open(new DataUse(TargetKind.Class, NeedsPictures: true));
        Assert.Equal((1293, 144, 360), (split.Train.Count, split.Validation!.Count, split.Test!.Count));
        Assert.Equal([1L, 8, 8], split.Facts.Shape);
        var (unused, given) = ImageClassification.Digits();
        using (unused)
        using (given)
        using (NewDisposeScope()) Assert.True(((TensorDataset)split.Test).Inputs.equal(given.Inputs).all().item<bool>());
        Assert.Equal(1f, split.ClassWeights().Average(), 0.05f);
    }

    [Fact]
    public void EverySplitGivesEachExampleToOnePart()
        => Gen.Select(Gen.Int[10, 200], Gen.Int[2, 5], Gen.Double[0, 0.4], Gen.Double[0, 0.4], Gen.ULong).Sample(
            (count, classes, validation, test, seed) =>
            {
                var examples = new SplitExamples
                {
                    Name = "x",
                    Names = [.. Enumerable.Range(0, count).Select(i => $"{i % 7}/{i}")],
                    Labels = [.. Enumerable.Range(0, count).Select(i => i % classes)],
                    GivenTest = new HashSet<int> { 0, 3 }
                };
                SplitRule[] rules = [new ShareSplit { Validation = validation, Test = test, Seed = seed },
                    new GivenSplit { Validation = validation, Seed = seed },
                    new FoldSplit { Folds = 3, Fold = 1, Validation = validation, Seed = seed },
                    new GroupSplit { Validation = validation, Test = test, Seed = seed }];
                foreach (var rule in rules)
                {
                    var parts = rule.Divide(examples);
                    Assert.Equal(Enumerable.Range(0, count), parts.Train.Concat(parts.Validation).Concat(parts.Test).Order());
                    Assert.NotEmpty(parts.Train);
                    if (rule is GroupSplit)
                        Assert.Equal(7,
                            new[] { parts.Train, parts.Validation, parts.Test }.Sum(p => p.Select(i => i % 7).Distinct().Count()));
                }
                var shares = rules[0].Divide(examples);
                // Each class gives about its share to the test part.
                foreach (var size in shares.Test.CountBy(i => i % classes).Select(c => c.Value))
                    Assert.InRange(size, (shares.Test.Length / (double)classes) - 2, (shares.Test.Length / (double)classes) + 2);
            },
            iter: 100,
            threads: 1);

    [Fact]
    public void FoldsTestEveryExampleOnce()
    {
        var examples = new SplitExamples
        {
            Name = "x",
            Names = [.. Enumerable.Range(0, 23).Select(i => $"{i}")],
            Labels = [.. Enumerable.Range(0, 23).Select(i => i % 2)]
        };
        var tests = Enumerable.Range(0, 5).SelectMany(fold => new FoldSplit { Fold = fold }.Divide(examples).Test);
        Assert.Equal(Enumerable.Range(0, 23), tests.Order());
    }

    [Fact]
    public void PartsByFileAndColumnAreThoseStated()
    {
        var table = Csv("parts.csv", "row,part\n0,train\n1,test\n2,val\n3,train\n");
        var examples = new SplitExamples { Name = "x", Names = ["0", "1", "2", "3"], Column = _ => ["train", "test", "dev", "training"] };
        foreach (var rule in new SplitRule[] { new FileSplit { Path = table }, new ColumnSplit() })
        {
            var parts = rule.Divide(examples);
            Assert.Equal([0, 3], parts.Train);
            Assert.Equal([2], parts.Validation);
            Assert.Equal([1], parts.Test);
        }
        Assert.Contains("'later' in column 'part' is not a part",
            Assert.Throws<DataMismatchException>(
                () => new ColumnSplit().Divide(examples with { Column = _ => ["train", "later", "test", "test"] })).Message,
                StringComparison.Ordinal);
    }

    [Fact]
    public void TablesAreStandardisedByTheTrainingPartAlone()
    {
        var path = Csv("t.csv", "a,b,kind,y,part\n0,10,red,1,train\n2,10,blue,3,train\n100,10,red,500,test\n");
        using var split = new CsvData
        {
            Path = path,
            Target = "y",
            LeaveOut = ["b"],
            Split = new ColumnSplit { Validation = 0 }
        }.Open(new DataUse(TargetKind.Number));
        using var scope = NewDisposeScope();
        Assert.Equal(["a", "kind=blue", "kind=red"], split.Facts.Table!.Features);
        Assert.Equal([-1f, 0, 1, 1, 1, 0], split.Train.Take(9).Inputs.data<float>().ToArray());
        Assert.Equal([-1f, 1], split.Train.Take(9).Targets!.data<float>().ToArray());
        Assert.Equal([99f, 0, 1], split.Test!.Take(9).Inputs.data<float>().ToArray());
        Assert.Equal((2.0, 1.0), (split.Facts.Table.TargetMean, split.Facts.Table.TargetDeviation));
        Assert.Equal(split.Facts.ToJson(), DataFacts.Parse(split.Facts.ToJson(), "x").ToJson());
    }

    [Fact]
    public void MissingValuesAreRefusedDroppedOrFilledAsStated()
    {
        var path = Csv("m.csv", "a,b,y\n1,2,x\n3,?,x\n5,6,y\n7,8,y\n9,10,NA\n11,12,y\n");
        var source = new CsvData { Path = path, Target = "y", Split = new ShareSplit { Validation = 0, Test = 0 } };
        var use = new DataUse(TargetKind.Class);
        Assert.Contains("values are missing (1 in 'b', 1 in 'y'). Say "
            + "what", Assert.Throws<DataMismatchException>(() => source.Open(use)).Message, StringComparison.Ordinal);
        Assert.Contains("what is learned cannot be filled",
            Assert.Throws<DataMismatchException>(() => (source with { Missing = MissingValues.Fill }).Open(use)).Message,
            StringComparison.Ordinal);
        Assert.Contains("class 'x' of column 'y' has one row",
            Assert.Throws<DataMismatchException>(() => (source with { Missing = MissingValues.DropRow }).Open(use)).Message,
            StringComparison.Ordinal);
        using var filled = (source with { Missing = MissingValues.Fill, Columns = ["a", "b"], Target = "" }).Open(
            new DataUse(TargetKind.None, NumbersOnly: true));
        using var scope = NewDisposeScope();
        Assert.Equal(0f, filled.Train.Take(9).Inputs[1, 1].item<float>());
        Assert.Contains(filled.Notes, n => n.Contains("filled with the training part's mean", StringComparison.Ordinal));
    }

    [Fact]
    public void WrongUseOfATableIsOneClearLine()
    {
        var path = Csv("w.csv", "id,a,name\n1,2,x\n2,3,y\n3,4,z\n");
        var source = new CsvData { Path = path, Target = "price" };
        Assert.Contains("has no column 'price'. Its columns: id, a, "
            + "name", Assert.Throws<DataMismatchException>(() => source.Open(new DataUse(TargetKind.Number))).Message,
            StringComparison.Ordinal);
        Assert.Contains("name the column to learn: data.target=NAME",
            Assert.Throws<DataMismatchException>(() => (source with { Target = "" }).Open(new DataUse(TargetKind.Class))).Message,
            StringComparison.Ordinal);
        Assert.Contains("a density needs numbers",
            Assert.Throws<DataMismatchException>(
                () => (source with { Target = "" }).Open(new DataUse(TargetKind.None, NumbersOnly: true))).Message,
                StringComparison.Ordinal);
        Assert.Contains("this task takes pictures",
            Assert.Throws<DataMismatchException>(() => source.Open(new DataUse(TargetKind.Class, NeedsPictures: true))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ArraysComeFromNumpyAndSafetensorsAlike()
    {
        using var scope = NewDisposeScope();
        var pictures = (arange(20 * 4 * 6, dtype: ScalarType.Int64) % 256).to(ScalarType.Byte).reshape(20, 4, 6);
        var labels = arange(20, dtype: ScalarType.Int64) % 3;
        string npy = Path.Combine(_folder, "x.npy"), targets = Path.Combine(_folder, "y.npy"), npz = Path.Combine(_folder, "all.npz"),
            safe = Path.Combine(_folder, "all.safetensors");
        NpyFile.Write(npy, pictures);
        NpyFile.Write(targets, labels);
        NpzFile.Write(npz, new Dictionary<string, Tensor> { ["x"] = pictures, ["y"] = labels });
        Cresset.Tensors.SafetensorsWriter.Write(safe, new Dictionary<string, Tensor> { ["inputs"] = pictures, ["targets"] = labels });
        DataSource[] sources = [new NpyData { Path = npy, Targets = targets }, new NpzData { Path = npz },
            new SafetensorsData { Path = safe }];
        var prints = sources.Select(source =>
        {
            using var split = source.Open(new DataUse(TargetKind.Class, NeedsPictures: true));
            Assert.Equal([1L, 4, 6], split.Facts.Shape);
            Assert.Contains(split.Notes, n => n.Contains("divided by 255", StringComparison.Ordinal));
            return split.Fingerprint;
        }).ToList();
        Assert.Single(prints.Distinct());
        NpyFile.Write(npy, randn(20, 8, 8, 3));
        Assert.Contains("say data.layout=channels_last",
            Assert.Throws<DataMismatchException>(() => sources[0].Open(new DataUse(TargetKind.None, NeedsPictures: true))).Message,
            StringComparison.Ordinal);
        Assert.Contains("pictures need 0 to 1",
            Assert.Throws<DataMismatchException>(
                () => (new NpyData { Path = npy, Layout = ArrayLayout.ChannelsLast }).Open(
                    new DataUse(TargetKind.None, NeedsPictures: true))).Message, StringComparison.Ordinal);
    }

    private string Csv(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}

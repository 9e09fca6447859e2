using Cresset.Optim;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Tensors;

public sealed class SnapshotTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-snapshot-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void TensorsTextsNumbersBytesAndPartsComeBackFromAFile()
    {
        var path = Path.Combine(_folder, "a.safetensors");
        using (var scope = NewDisposeScope())
        using (var state = new Snapshot())
        {
            state.Put("x", arange(6).reshape(2, 3).t());
            state.Put("third", 1.0 / 3);
            state.Put("whole", long.MaxValue / 4096);
            state.Part("inner").Put("name", "ä\n");
            state.Part("inner").Part("deep").Put("bytes", writer => writer.Write(0x12345678));
            state.Write(path);
        }
        using var read = Snapshot.Read(path);
        Assert.Equal([0L, 3, 1, 4, 2, 5], read.Tensor("x").contiguous().data<long>().ToArray());
        Assert.Equal(1.0 / 3, read.Number("third"));
        Assert.Equal(long.MaxValue / 4096, read.Whole("whole"));
        Assert.Equal("ä\n", read.Part("inner").Text("name"));
        Assert.True(read.Has("inner") && read.Has("inner/deep") && !read.Has("inne"));
        var number = 0;
        read.Part("inner").Part("deep").Get("bytes", reader => number = reader.ReadInt32());
        Assert.Equal(0x12345678, number);
    }

    [Fact]
    public void WhatIsMissingOrNotANumberIsNamed()
    {
        using var state = new Snapshot();
        state.Part("a").Put("text", "many");
        Assert.Contains("'a/other'", Assert.Throws<InvalidDataException>(() => state.Part("a").Text("other")).Message,
            StringComparison.Ordinal);
        Assert.Contains("'a/text' is 'many'; a number was expected",
            Assert.Throws<InvalidDataException>(() => state.Part("a").Number("text")).Message, StringComparison.Ordinal);
        state.Put("half", 0.5);
        Assert.Contains("a whole number was expected", Assert.Throws<InvalidDataException>(() => state.Whole("half")).Message,
            StringComparison.Ordinal);
        state.Put("bytes", writer => writer.Write(1L));
        Assert.Contains("ends too early",
            Assert.Throws<InvalidDataException>(() => state.Get("bytes", reader => { reader.ReadInt64(); reader.ReadByte(); })).Message,
            StringComparison.Ordinal);
        Assert.Contains("4 bytes more", Assert.Throws<InvalidDataException>(() => state.Get("bytes", reader => reader.ReadInt32())).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void RestoringIsAllOrNothing()
    {
        var target = new Pair { First = 1, Second = 2 };
        using (var lacking = new Snapshot())
        {
            lacking.Put("first", 7L);
            Assert.Throws<InvalidDataException>(() => lacking.Restore(target));
        }
        Assert.Equal((1, 2), (target.First, target.Second));
        using (var foreign = new Snapshot())
        {
            foreign.Put("first", 7L);
            foreign.Put("second", 8L);
            foreign.Put("third", 9L);
            Assert.Contains("not known here: third", Assert.Throws<InvalidDataException>(() => foreign.Restore(target)).Message,
                StringComparison.Ordinal);
        }
        Assert.Equal((1, 2), (target.First, target.Second));
        using var good = new Snapshot();
        good.Put("first", 7L);
        good.Put("second", 8L);
        good.Restore(target);
        Assert.Equal((7, 8), (target.First, target.Second));
    }

    [Fact]
    public void AnOptimizerRefusesAnotherOnesStateAndStaysAsItWas()
    {
        using var net = nn.Linear(2, 1);
        using var adam = new Optimizer(net, new AdamWRule { LearningRate = 0.1 });
        using var sgd = new Optimizer(net, new SgdRule { LearningRate = 0.2 });
        using var state = new Snapshot();
        sgd.Save(state);
        Assert.Contains("sgd", Assert.Throws<InvalidDataException>(() => state.Restore(adam)).Message, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(0.1, adam.Groups[0].LearningRate);
    }

    [Fact]
    public void ReferencesFollowTheirTensorsAndCopiesDoNot()
    {
        using var scope = NewDisposeScope();
        var x = zeros(3);
        using var copies = new Snapshot();
        using var references = new Snapshot(copies: false);
        copies.Put("x", x);
        references.Put("x", x);
        x.fill_(1);
        Assert.Equal(0, copies.Tensor("x").sum().ToDouble());
        Assert.Equal(3, references.Tensor("x").sum().ToDouble());
    }

    [Fact]
    public void CopiesInTheMemoryOfAnEarlierSnapshotHoldTheNewValues()
    {
        using var scope = NewDisposeScope();
        var before = new Snapshot();
        foreach (var name in (string[])["same", "type", "shape", "layout", "gone"]) before.Put(name, zeros(2, 3));
        var memory = before.Tensor("same");
        var ones = torch.ones(2, 3);
        using var state = new Snapshot(copies: true, before);
        state.Put("same", ones);
        state.Put("type", ones.to(ScalarType.Float64));
        state.Put("shape", torch.ones(3, 2));
        state.Put("layout", arange(6, dtype: ScalarType.Float32).reshape(3, 2).t());
        ones.fill_(2);
        Assert.Same(memory, state.Tensor("same"));
        Assert.Equal(6, state.Tensor("same").sum().ToDouble());
        Assert.Equal(ScalarType.Float64, state.Tensor("type").dtype);
        Assert.Equal([3L, 2], state.Tensor("shape").shape);
        Assert.Equal([0f, 2, 4, 1, 3, 5], state.Tensor("layout").contiguous().data<float>().ToArray());
        Assert.False(state.Has("gone"));
    }

    private sealed class Pair : ISaved
    {
        public long First { get; set; }

        public long Second { get; set; }

        public void Save(Snapshot state)
        {
            state.Put("first", First);
            state.Put("second", Second);
        }

        public void Load(Snapshot state)
        {
            First = state.Whole("first");
            Second = state.Whole("second");
        }
    }
}

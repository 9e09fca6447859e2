using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

public sealed class RunFilterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RunStore _store;

    public RunFilterTests()
    {
        _store = RunStore.Open(_folder.Path);
        Record("alpha", "0.001", 0.9, ["good"]);
        Record("beta", "0.01", 0.8, ["to be redone"]);
        Record("gamma", "1e-4", 0.95, ["good", "old"]);
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("lr<1e-3", "gamma")]
    [InlineData("lr<=1e-3 and tag:good", "alpha gamma")]
    [InlineData("lr < 1e-2 and not tag:old", "alpha")]
    [InlineData("accuracy>=0.9 or name:beta", "alpha beta gamma")]
    [InlineData("optimizer.learning_rate=0.01", "beta")]
    [InlineData("last/loss>2", "beta gamma")]
    [InlineData("not tag:good", "beta")]
    [InlineData("kind~trai and lr!=0.01", "alpha gamma")]
    [InlineData("alph", "alpha")]
    [InlineData("status:finished", "alpha beta gamma")]
    [InlineData("status:running", "")]
    [InlineData("nothing=5", "")]
    [InlineData("(lr<1e-3 or name:beta) and accuracy<0.95", "beta")]
    [InlineData("lr<1e-3 or name:beta and accuracy<0.95", "beta gamma")]
    [InlineData("not (tag:old or name:beta)", "alpha")]
    [InlineData("not(not tag:good)", "alpha gamma")]
    [InlineData("((accuracy > 0.85)) AND NOT tag:old", "alpha")]
    [InlineData("tag:\"to be redone\"", "beta")]
    [InlineData("\"to be\"", "beta")]
    [InlineData("\"lr<1\"", "")]
    [InlineData("kind~\"train\" tag:old", "gamma")]
    public void ConditionsChooseRuns(string condition, string names)
        => Assert.Equal(names,
            string.Join(' ',
                _store.List(new RunQuery { Where = condition, Order = RunOrder.Name, Descending = false }).Select(r => r.Name)));

    [Theory]
    [InlineData("lr<")]
    [InlineData("lr<many")]
    [InlineData("and lr<1")]
    [InlineData("lr<1 and")]
    [InlineData("not")]
    [InlineData("colour:red")]
    [InlineData("status:done")]
    [InlineData("(lr<1")]
    [InlineData("lr<1)")]
    [InlineData("()")]
    [InlineData("lr<1 or (and name:beta)")]
    [InlineData("tag:\"good")]
    public void WhatIsNoConditionIsRefused(string condition) =>
        Assert.Throws<ArgumentException>(() => _store.List(new RunQuery { Where = condition }));

    [Fact]
    public void DeepConditionsAreRefusedAndMistypedKeysNameTheNearest()
    {
        Assert.Throws<ArgumentException>(() => _store.List(new RunQuery { Where = new string('(', 100_000) + "a" }));
        string Only(RunQuery query) => Assert.Single(_store.UnknownKeys(query));
        Assert.Contains("'acuracy'. Did you mean 'accuracy'?", Only(new RunQuery { Where = "lr<1 and (acuracy>0.5 or tag:x)" }),
            StringComparison.Ordinal);
        Assert.Contains("'learning_rat'. Did you mean 'learning_rate'?", Only(new RunQuery { Where = "not learning_rat=1" }),
            StringComparison.Ordinal);
        Assert.Contains("'last/los'", Only(new RunQuery { Order = RunOrder.Figure, OrderKey = "last/los" }), StringComparison.Ordinal);
        Assert.Empty(_store.UnknownKeys(new RunQuery { Where = "lr<1 or accuracy>0.5 or last/loss<9 or optimizer.learning_rate=1" }));
        using var none = new TemporaryFolder();
        using var empty = RunStore.Open(none.Path);
        Assert.Empty(empty.UnknownKeys(new RunQuery { Where = "acuracy>0.5" }));
    }

    private void Record(string name, string rate, double accuracy, string[] tags)
    {
        using var run = _store.Begin(
            new RunDescription
            {
                Name = name,
                Config = new Dictionary<string, string> { ["optimization.optimizer.learning_rate"] = rate, ["kind"] = "training" },
                Tags = tags
            });
        run.Scalar("last/loss", 1, name.Length == 5 && name != "alpha" ? 3 : name == "beta" ? 4 : 1);
        run.Finish(RunStatus.Finished, new Dictionary<string, double> { ["accuracy"] = accuracy });
    }
}

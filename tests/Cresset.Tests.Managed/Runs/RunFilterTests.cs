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
        Record("beta", "0.01", 0.8, []);
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
    public void WhatIsNoConditionIsRefused(string condition) =>
        Assert.Throws<ArgumentException>(() => _store.List(new RunQuery { Where = condition }));

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

using Cresset.Recipes;
using Xunit;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>What decides the last bits of a run is recorded with it, whatever kind of job it is.</summary>
public sealed class RunSurroundingsTests
{
    [Theory]
    [InlineData("job: digits-classifier", true)]
    [InlineData("job: activation-study", true)]
    [InlineData("job: segmentation-study", true)]
    [InlineData("job: generative-comparison", true)]
    [InlineData("job: picture-comparison", true)]
    [InlineData("job: vq-anatomy", true)]
    [InlineData("job: dqn\nagent: {values: implicit}", true)]
    [InlineData("job: dqn\nagent: {backend: torch}", true)]
    [InlineData("job: dqn\nagent: {hidden: [1024, 64]}", true)]
    [InlineData("job: actor-critic\nagent: {encoder: conv}", true)]
    [InlineData("job: dqn", false)]
    [InlineData("job: sac", false)]
    [InlineData("job: rl-solve", false)]
    public void LibtorchItsThreadsAndTheDeviceAreRecordedWhereTheyCompute(string yaml, bool computes)
    {
        var facts = RunSurroundings.Of(Recipe.Parse(yaml, "r.yaml", "r", BuiltInParts.Catalog).Resolve());
        Assert.Equal(computes, facts.ContainsKey("libtorch") && facts.ContainsKey("threads") && facts.ContainsKey("device"));
        Assert.Contains("processor", facts.Keys);
        // Another machine is told of at resuming.
        if (!computes) return;
        var recorded = new Dictionary<string, string>(facts) { ["threads"] = "99", ["libtorch"] = "1.0" };
        var difference = RunSurroundings.Difference(recorded, facts);
        Assert.Contains("threads (was 99", difference, StringComparison.Ordinal);
        Assert.Contains("libtorch (was 1.0", difference, StringComparison.Ordinal);
    }
}

// A program over the managed libraries, published trimmed and ahead of time by tests/long/aot.sh: parts are found, planned with, scored
// with and recorded.
using Cresset.Detection;
using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Runs;

var parts = new PartCatalog(typeof(IOptionsRecord).Assembly, typeof(DetectionProtocol).Assembly, typeof(EnvironmentSource).Assembly);
var environments = parts.Of("environment").Count;
var protocols = DetectionProtocols.Names.Count;
var plan = ValueIteration.Solve(new CliffWalking().Model, new PlanningOptions { Gamma = 1 });
var steps = StepSizeRule.Parse("0.2/(k+10)^0.602").Take(3);
var folder = Directory.CreateTempSubdirectory("cresset-aot-").FullName;
using (var store = RunStore.Open(folder))
{
    using var run = store.Begin("aot", "check", new Dictionary<string, string> { ["gamma"] = "1" });
    run.Scalar("value", 1, plan.Values[36]);
    run.Finish(RunStatus.Finished);
    if (store.ReadSeries(run.Id, "value").Count != 1) throw new InvalidOperationException("the point was not recorded");
}
Directory.Delete(folder, recursive: true);
if (environments < 20 || protocols != 12 || Math.Abs(plan.Values[36] + 13) > 1e-9 || steps.Length != 3)
    throw new InvalidOperationException($"{environments} environments, {protocols} protocols, value {plan.Values[36]}");
Console.WriteLine($"{environments} environments, {protocols} protocols, value of the cliff's start {plan.Values[36]}");

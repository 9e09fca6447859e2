using Cresset.Recipes;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>The points by which a flow in the plane is judged may come from a file.</summary>
public sealed class TestPointsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-points-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AFlowIsJudgedByTheFile()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(3);
        var points = randn([40, 2], dtype: ScalarType.Float64, generator: generator);
        using var task = new PlaneFlowTask(new PlaneFlowOptions { TestPoints = Write("moons", points) });
        var log = ((Cresset.Flows.DensityModel)task.Module).LogProb(points.to(ScalarType.Float32)).mean().item<float>();
        var context = new EvaluationContext(0, generator, CPU, IsFinal: true, CancellationToken.None);
        Assert.Equal(-log, task.Evaluate(context)["nll"], 1e-5);
    }

    [Fact]
    public void PointsThatCannotBeReadAreRefused()
    {
        using var scope = NewDisposeScope();
        var far = zeros([3, 2], dtype: ScalarType.Float64);
        far[1, 0] = 1e300;
        Assert.Contains("beyond those of float32", Refusal("moons", far), StringComparison.Ordinal);
        Assert.Contains("points are [N, 2]", Refusal("moons", zeros([3, 3])), StringComparison.Ordinal);
        Assert.Contains("points are [N, 2]", Refusal("moons", zeros([0, 2])), StringComparison.Ordinal);
        var other = Write("rings", zeros([3, 2]));
        var missing = Record.Exception(() => new PlaneFlowTask(new PlaneFlowOptions { TestPoints = other }));
        Assert.Contains("moons", missing!.Message, StringComparison.Ordinal);
    }

    private string Refusal(string name, Tensor points)
        => Assert.Throws<InvalidDataException>(() => new PlaneFlowTask(new PlaneFlowOptions { TestPoints = Write(name, points) })).Message;

    private string Write(string name, Tensor points)
    {
        var path = Path.Combine(_folder, Path.GetRandomFileName() + ".safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { [name] = points });
        return path;
    }
}

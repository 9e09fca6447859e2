using System.Xml.Linq;
using Xunit;

namespace Cresset.Tests.Managed.Conventions;

/// <summary>Dependencies point one way; the picture is in ARCHITECTURE.md.</summary>
public sealed class ProjectArrowsTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Native"] = [],
        ["Numerics"] = [],
        ["Detection"] = ["Numerics"],
        ["Rl"] = ["Numerics"],
        ["Plots"] = ["Numerics"],
        ["Runs"] = ["Numerics"],
        ["Distributed"] = ["Numerics"],
        ["Dashboard"] = ["Runs", "Numerics"],
        ["Kernels"] = [],
        ["Tensors"] = ["Kernels", "Native", "Numerics"],
        ["Nn"] = ["Tensors"],
        ["Optim"] = ["Tensors"],
        ["Onnx"] = ["Tensors"],
        ["Onnx.Verification"] = ["Onnx"],
        ["Data"] = ["Tensors"],
        ["Flows"] = ["Nn"],
        ["Quantization"] = ["Nn"],
        ["Diffusion"] = ["Nn", "Flows"],
        ["Rl.Deep"] = ["Rl", "Nn", "Optim", "Runs"],
        ["Training"] = ["Nn", "Optim", "Data", "Runs", "Distributed"],
        ["Recipes"] = ["Training", "Plots", "Flows", "Quantization", "Diffusion", "Rl", "Rl.Deep", "Detection"],
        // Verbs may speak to a subject directly: a detector is scored without a recipe.
        ["Cli"] = ["Recipes", "Dashboard", "Detection", "Rl", "Rl.Deep", "Diffusion", "Quantization", "Nn", "Optim", "Plots", "Runs",
            "Distributed", "Onnx", "Onnx.Verification", "Numerics"],
    };

    private static readonly string[] Managed = ["Numerics", "Detection", "Rl", "Plots", "Runs", "Distributed", "Native", "Dashboard",
        "Kernels"];

    public static TheoryData<string> Projects() =>
        [.. Directory.GetDirectories(Path.Combine(Repository.Root, "src")).Select(d => Path.GetFileName(d)!["Cresset.".Length..]).Order()];

    [Theory]
    [MemberData(nameof(Projects))]
    public void ProjectReferencesOnlyWhatThePictureShows(string project)
    {
        Assert.True(Allowed.ContainsKey(project), $"Cresset.{project} is not in the picture: draw its arrows in ARCHITECTURE.md and here.");
        foreach (var reference in References(project))
            Assert.True(Allowed[project].Contains(reference),
                $"Cresset.{project} -> Cresset.{reference} is an arrow that the picture does not have.");
    }

    [Fact]
    public void ThePictureHasNoCircle()
    {
        foreach (var project in Allowed.Keys) Assert.DoesNotContain(project, Closure(project, Allowed));
    }

    [Fact]
    public void ManagedGroundReachesNoTorch()
    {
        foreach (var project in Managed)
        {
            foreach (var reached in Closure(project, Allowed).Append(project))
                Assert.DoesNotContain("TorchSharp", File.ReadAllText(ProjectFile(reached)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void LibrariesNeverCarryLibtorch()
    {
        foreach (var project in Allowed.Keys.Where(p => p != "Cli"))
        {
            Assert.DoesNotContain("Include=\"libtorch", File.ReadAllText(ProjectFile(project)), StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("CressetUsesTorch", File.ReadAllText(ProjectFile(project)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void TorchProjectsBanTheBrokenFunctions()
    {
        foreach (var project in Allowed.Keys.Except(Managed).Where(p => p != "Cli"))
            Assert.Contains("<CressetBanTorchDefects>true<", File.ReadAllText(ProjectFile(project)), StringComparison.Ordinal);
    }

    private static HashSet<string> Closure(string project, Dictionary<string, string[]> graph)
    {
        var reached = new HashSet<string>();
        var open = new Stack<string>(graph[project]);
        while (open.TryPop(out var next))
        {
            if (reached.Add(next)) foreach (var further in graph[next]) open.Push(further);
        }
        return reached;
    }

    private static IEnumerable<string> References(string project) =>
        XDocument.Load(ProjectFile(project)).Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value)["Cresset.".Length..]);

    private static string ProjectFile(string project) =>
        Path.Combine(Repository.Root, "src", $"Cresset.{project}", $"Cresset.{project}.csproj");
}

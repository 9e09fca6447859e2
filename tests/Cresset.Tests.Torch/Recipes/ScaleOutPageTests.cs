using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;
using YamlDotNet.Serialization;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>The scripts beside the page about ranks have the form that Slurm and the MPI operator of Kubernetes read.</summary>
public sealed partial class ScaleOutPageTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "docs", "scale-out");

    [Fact]
    public void TheSlurmScriptIsOne()
    {
        var path = Path.Combine(Folder, "cresset.slurm");
        var lines = File.ReadAllLines(path);
        Assert.StartsWith("#!/bin/bash", lines[0], StringComparison.Ordinal);
        var directives = lines.Where(l => l.StartsWith("#SBATCH", StringComparison.Ordinal)).ToList();
        Assert.All(directives, d => Assert.Matches(Directive(), d));
        // Slurm reads no directive after the first command.
        Assert.Equal(directives.Count, lines.Skip(1).TakeWhile(l => l.StartsWith("#SBATCH", StringComparison.Ordinal)).Count());
        Assert.Contains(directives, d => d.EndsWith("--signal=B:USR1@300", StringComparison.Ordinal));
        using var shell = Process.Start(new ProcessStartInfo("bash", ["-n", path]) { RedirectStandardError = true })!;
        Assert.Equal("", shell.StandardError.ReadToEnd());
        Assert.Contains(lines,
            l => l.StartsWith("mpirun ", StringComparison.Ordinal) && l.EndsWith("cresset train \"$recipe\" &", StringComparison.Ordinal));
    }

    [Fact]
    public void TheMpiJobIsOne()
    {
        var job = new DeserializerBuilder().Build()
            .Deserialize<Dictionary<object, object>>(File.ReadAllText(Path.Combine(Folder, "cresset-mpijob.yaml")));
        Assert.Equal("kubeflow.org/v2beta1", job["apiVersion"]);
        Assert.Equal("MPIJob", job["kind"]);
        Assert.Matches("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", (string)Of(job, "metadata", "name"));
        Assert.Subset(
            new HashSet<object> { "slotsPerWorker", "mpiImplementation", "sshAuthMountPath", "runPolicy", "mpiReplicaSpecs",
                "launcherCreationPolicy" }, ((Dictionary<object, object>)job["spec"]).Keys.ToHashSet());
        Assert.Contains((string)Of(job, "spec", "mpiImplementation"), (string[])["OpenMPI", "Intel", "MPICH"]);
        Assert.Contains((string)Of(job, "spec", "runPolicy", "cleanPodPolicy"), (string[])["None", "Running", "All"]);
        var replicas = (Dictionary<object, object>)Of(job, "spec", "mpiReplicaSpecs");
        Assert.Equal(["Launcher", "Worker"], replicas.Keys.Order());
        Assert.Equal("1", Of(job, "spec", "mpiReplicaSpecs", "Launcher", "replicas"));
        foreach (var kind in replicas.Keys)
        {
            var pod = (Dictionary<object, object>)Of(job, "spec", "mpiReplicaSpecs", kind, "template", "spec");
            var container = (Dictionary<object, object>)Assert.Single((List<object>)pod["containers"]);
            Assert.All((object[])["name", "image", "command", "args", "volumeMounts"], key => Assert.Contains(key, container.Keys));
            var volumes = ((List<object>)pod["volumes"]).Select(v => ((Dictionary<object, object>)v)["name"]);
            Assert.All((List<object>)container["volumeMounts"],
                mount => Assert.Contains(((Dictionary<object, object>)mount)["name"], volumes));
        }
        // As many ranks as there are slots.
        var words =
            ((List<object>)((Dictionary<object,
                object>)((List<object>)Of(job, "spec", "mpiReplicaSpecs", "Launcher", "template", "spec",
                    "containers"))[0])["args"]).Cast<string>().ToList();
        var slots = int.Parse((string)Of(job, "spec", "slotsPerWorker"), System.Globalization.CultureInfo.InvariantCulture)
            * int.Parse((string)Of(job, "spec", "mpiReplicaSpecs", "Worker", "replicas"),
                System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal($"{slots}", words[words.IndexOf("-n") + 1]);
        Assert.Equal(["cresset", "train", "sd3-fashion"], words.TakeLast(3));
    }

    private static object Of(object node, params object[] path) => path.Aggregate(node, (at, key) => ((Dictionary<object, object>)at)[key]);

    [GeneratedRegex(@"^#SBATCH --[a-z-]+(=\S+)?$")]
    private static partial Regex Directive();
}

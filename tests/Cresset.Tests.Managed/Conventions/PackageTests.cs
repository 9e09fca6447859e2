using System.Text.RegularExpressions;
using System.Xml.Linq;
using Cresset.Native.Loading;
using Xunit;

namespace Cresset.Tests.Managed.Conventions;

/// <summary>What packages say of themselves and of one another agrees; tests/long/consumer.sh installs them.</summary>
public sealed partial class PackageTests
{
    private static readonly string Version = XDocument.Load(In("build", "Package.props")).Descendants("Version").Single().Value;

    public static TheoryData<string> Packages => [.. Folders("src").Concat(Folders("packages"))];

    [Theory]
    [MemberData(nameof(Packages))]
    public void EveryPackageSaysWhatItIsAndHowItIsInstalled(string folder)
    {
        var name = Path.GetFileName(folder);
        var description = XDocument.Load(In(folder, name + ".csproj")).Descendants("Description").First().Value;
        Assert.True(description.Length > 30, $"{name}: '{description}' says little.");
        var readme = File.ReadAllText(In(folder, "README.md"));
        Assert.StartsWith($"# {name}\n", readme.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Matches($@"(?m)^dotnet (add package|new install) {Regex.Escape(name)}\s*$", readme);
        // A readme is read on a package site, where a path of the repository leads nowhere.
        Assert.DoesNotMatch(@"\]\((?!https:)", readme);
    }

    [Fact]
    public void TheChangesOfThisVersionAreTold() =>
        Assert.Contains($"\n## {Version} ", File.ReadAllText(In("CHANGELOG.md")).ReplaceLineEndings("\n"), StringComparison.Ordinal);

    [Fact]
    public void OneLibtorchIsNamedEverywhere()
    {
        var central = XDocument.Load(In("Directory.Packages.props")).Descendants("PackageVersion")
            .Where(p => p.Attribute("Include")!.Value.StartsWith("libtorch-cpu-", StringComparison.Ordinal)).ToList();
        Assert.Equal(LibtorchPackage.All.Select(p => p.Id).Order(), central.Select(p => p.Attribute("Include")!.Value).Order());
        Assert.All(central, p => Assert.Equal(LibtorchPackage.Version, p.Attribute("Version")!.Value));
        var targets = XDocument.Load(In("src", "Cresset.Native", "buildTransitive", "Cresset.Native.targets"));
        Assert.Equal(LibtorchPackage.Version, targets.Descendants("CressetLibtorchVersion").Single().Value);
        Assert.Equal(LibtorchPackage.All.Select(p => p.System), targets.Descendants("CressetLibtorchSystems").Single().Value.Split(';'));
        var cpu = XDocument.Load(In("packages", "Cresset.Cpu", "Cresset.Cpu.csproj")).Descendants("PackageReference")
            .Select(p => p.Attribute("Include")!.Value);
        Assert.Equal(LibtorchPackage.All.Select(p => p.Id).Order(), cpu.Order());
    }

    [Fact]
    public void TemplatesAskForThisVersionAndForTestPackagesOfTheRepository()
    {
        var xunit = XDocument.Load(In("Directory.Packages.props")).Descendants("PackageVersion")
            .Single(p => p.Attribute("Include")!.Value == "xunit.v3").Attribute("Version")!.Value;
        var references = Directory.EnumerateFiles(In("packages", "Cresset.Templates", "content"), "*.csproj", SearchOption.AllDirectories)
            .SelectMany(file => XDocument.Load(file).Descendants("PackageReference"))
            .Select(p => (Name: p.Attribute("Include")!.Value, Version: p.Attribute("Version")!.Value)).ToList();
        Assert.Contains(references, r => r.Name == "Cresset.Cpu");
        Assert.Contains(references, r => r.Name == "Cresset.Detection");
        Assert.All(references, r => Assert.Equal(r.Name == "xunit.v3" ? xunit : Version, r.Version));
    }

    /// <summary>The lines that readmes of packages and templates tell to run name files and verbs that are there.</summary>
    [Fact]
    public void ReadmesOfTemplatesNameFilesThatAreThere()
    {
        foreach (var readme in Directory.EnumerateFiles(In("packages", "Cresset.Templates", "content"), "README.md",
            SearchOption.AllDirectories))
        {
            var folder = Path.GetDirectoryName(readme)!;
            foreach (Match file in Named().Matches(File.ReadAllText(readme)))
            {
                Assert.True(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                    .Any(f => f.EndsWith('/' + file.Value, StringComparison.Ordinal)
                        || f.EndsWith('\\' + file.Value, StringComparison.Ordinal)), $"{readme} names {file.Value}");
            }
        }
    }

    private static IEnumerable<string> Folders(string room)
        => Directory.GetDirectories(In(room), "Cresset.*").Select(folder => $"{room}/{Path.GetFileName(folder)}")
            .Order(StringComparer.Ordinal);

    private static string In(params string[] parts) => Path.Combine([Repository.Root, .. parts]);

    [GeneratedRegex(@"\b[\w]+\.(cs|yaml|yml)\b")]
    private static partial Regex Named();
}

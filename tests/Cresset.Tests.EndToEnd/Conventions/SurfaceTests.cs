using Cresset.Tests.EndToEnd.Cli;
using Mono.Cecil;
using Xunit;

namespace Cresset.Tests.EndToEnd.Conventions;

/// <summary>
/// What each library shows to programs stands in a file of <c>tests/Surface</c>, so that a change of it is seen in review.
/// <c>CRESSET_WRITE_SURFACE=1</c> with this class alone writes the files anew: <c>CRESSET_WRITE_SURFACE=1
/// artifacts/bin/Cresset.Tests.EndToEnd/release/Cresset.Tests.EndToEnd --filter-class '*SurfaceTests'</c>.
/// </summary>
public sealed class SurfaceTests
{
    private const string Variable = "CRESSET_WRITE_SURFACE";
    private static readonly string Lists = Path.Combine(Repository.Root, "tests", "Surface");

    public static TheoryData<string> Libraries =>
        [.. Directory.GetDirectories(Path.Combine(Repository.Root, "src"), "Cresset.*").Select(folder => Path.GetFileName(folder))
            .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Libraries))]
    public void WhatALibraryShowsIsListed(string library)
    {
        var folder = Path.GetDirectoryName(CressetProcess.Built("Cresset.Cli", "cresset"))!;
        var path = Path.Combine(folder, library == "Cresset.Cli" ? "cresset.dll" : library + ".dll");
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(folder);
        using var module = ModuleDefinition.ReadModule(path, new ReaderParameters { AssemblyResolver = resolver });
        var shown = SurfaceText.Of(module);
        var list = Path.Combine(Lists, library + ".txt");
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 })
        {
            Directory.CreateDirectory(Lists);
            File.WriteAllText(list, string.Concat(shown.Select(line => line + "\n")));
        }
        Assert.True(File.Exists(list), $"tests/Surface/{library}.txt is missing; {Variable}=1 writes it.");
        var listed = File.ReadAllLines(list);
        // Whole lines with their type in front, so that a member that moved is seen as one that moved.
        var added = Qualified(shown).Except(Qualified(listed)).ToList();
        var gone = Qualified(listed).Except(Qualified(shown)).ToList();
        Assert.True(added.Count + gone.Count == 0,
            $"{library} shows {added.Count} lines that tests/Surface/{library}.txt lacks, and no longer {gone.Count} that it has. If that "
                + $"is meant, write the lists anew with {Variable}=1 (this class says "
            + $"how).\n{string.Join('\n', added.Take(20).Select(line => "+ " + line).Concat(gone.Take(20).Select(line => "- " + line)))}");
        Assert.Equal(shown, listed);
    }

    [Fact]
    public void NoListIsLeftOfALibraryThatIsGone()
        => Assert.Equal(Libraries.Select(row => row.Data),
            Directory.GetFiles(Lists).Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal));

    private static IEnumerable<string> Qualified(IEnumerable<string> lines)
    {
        var type = "";
        foreach (var line in lines)
        {
            if (line.StartsWith(' ')) yield return $"{type} |{line}";
            else yield return type = line;
        }
    }
}

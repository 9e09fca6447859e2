using System.Text.Json;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>A stranger's pictures and tables at the command line: what works, and what is refused in one line.</summary>
public sealed class OwnDataCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-own-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AFolderOfPicturesIsLearnedAndAnswered()
    {
        MakePhotos();
        var recipe = "job: classifier\ndata:\n  kind: folder\n  path: photos\n  size: 8\nmodel:\n  width: 4\ntrainer:\n  steps: 6\n  "
            + "batch_size: 4\n";
        File.WriteAllText(Path.Combine(_folder, "photos.yaml"), recipe);
        var (code, output, error) = CressetProcess.Run(_folder, "train", "photos.yaml");
        Assert.True(code == 0, output + error);
        // What was left out is said on the terminal.
        Assert.Contains("Thumbs.db", output + error, StringComparison.Ordinal);
        Assert.Contains("to learn from", output + error, StringComparison.Ordinal);
        (code, output, error) = CressetProcess.Run(_folder, "predict", "photos", "photos/dog/2.png", "photos/cat/turned.JPG", "--json");
        Assert.True(code == 0, output + error);
        using var answers = JsonDocument.Parse(output);
        Assert.Equal(["photos/dog/2.png", "photos/cat/turned.JPG"],
            answers.RootElement.EnumerateArray().Select(a => a.GetProperty("input").GetString()));
        Assert.All(answers.RootElement.EnumerateArray(),
            a => Assert.Contains(a.GetProperty("class").GetString(), (string[])["cat", "dog"]));
        (code, output, _) = CressetProcess.Run(_folder, "predict", "photos", "photos/dog/2.png", "-o", "answers.csv");
        Assert.Equal(0, code);
        Assert.StartsWith("input,class,probability,cat,dog\n", File.ReadAllText(Path.Combine(_folder, "answers.csv")),
            StringComparison.Ordinal);
        (code, _, error) = CressetProcess.Run(_folder, "predict", "photos", "photos/dog/2.png", "-o", "answers.csv");
        Assert.Equal(2, code);
        Assert.Contains("answers.csv exists; add --force", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("job: classifier", "empty", "holds no pictures (.png")]
    [InlineData("job: classifier", "lonely", "class 'bird' has one picture (bird/0.png); at least 2 are needed")]
    [InlineData("job: regression", "houses.csv data.target=prise", "no column 'prise'. Did you mean 'price'?")]
    [InlineData("job: segmentation", "houses.csv", "houses.csv is a table; this task takes pictures (data: folder).")]
    [InlineData("job: classifier", "nowhere", "unknown data 'nowhere'")]
    public void WrongDataAreRefusedInOneLine(string yaml, string data, string message)
    {
        File.WriteAllText(Path.Combine(_folder, "my.yaml"), yaml + "\n");
        Directory.CreateDirectory(Path.Combine(_folder, "empty"));
        File.WriteAllText(Path.Combine(_folder, "houses.csv"),
            "area,price\n" + string.Concat(Enumerable.Range(1, 30).Select(i => $"{i},{2 * i}\n")));
        if (data == "lonely")
        {
            MakePhotos("lonely");
            Picture("plain.png", "lonely/bird/0.png");
        }
        var (code, _, error) = CressetProcess.Run(_folder, ["train", "my.yaml", .. $"data={data}".Split(' ')]);
        Assert.Equal(2, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        var lines = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("cresset: ", lines[^1], StringComparison.Ordinal);
        Assert.Single(lines, line => line.StartsWith("cresset: ", StringComparison.Ordinal));
        // What is wrong was known before a run was begun.
        Assert.DoesNotContain(Directory.EnumerateDirectories(_folder, "*", SearchOption.AllDirectories),
            d => File.Exists(Path.Combine(d, "run.json")));
        Assert.DoesNotContain(lines, line => line.TrimStart().StartsWith("at ", StringComparison.Ordinal));
    }

    private void MakePhotos(string folder = "photos")
    {
        string[] cats = ["plain.png", "plain.webp", "plain.bmp", "turned1.jpg", "turned6.png"],
            dogs = ["grey.png", "grey16.png", "alpha.png", "cmyk.jpg", "plain.tif"];
        for (var i = 0; i < cats.Length; i++)
        {
            Picture(cats[i], $"{folder}/cat/{i}{Path.GetExtension(cats[i])}");
            Picture(dogs[i], $"{folder}/dog/{i}{Path.GetExtension(dogs[i])}");
        }
        Picture("turned3.jpg", $"{folder}/cat/turned.JPG");
        Picture("alpha.png", $"{folder}/dog/.hidden.png");
        Picture("alpha.png", $"{folder}/dog/Thumbs.db");
    }

    private void Picture(string reference, string name)
    {
        var path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Copy(Repository.Reference($"data/{reference}"), path);
    }
}

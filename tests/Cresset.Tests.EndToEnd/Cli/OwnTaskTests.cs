using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>A user's own job: in a program of one line, and by --with in the command.</summary>
public sealed class OwnTaskTests : IDisposable
{
    private static readonly string Samples = Path.Combine(Repository.Root, "samples", "Cresset.Samples.OwnTask");
    private static readonly string Built = Path.Combine(Repository.Root, "artifacts", "bin", "Cresset.Samples.OwnTask",
        new DirectoryInfo(AppContext.BaseDirectory).Name);
    private static readonly string Assembly = Path.Combine(Built, "Cresset.Samples.OwnTask.dll");
    private static readonly string Recipe = Path.Combine(Samples, "spirals.yaml");
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-own-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AProgramOfOneLineTrainsListsShowsAndExtends()
    {
        var program = Path.Combine(Built, OperatingSystem.IsWindows() ? "Cresset.Samples.OwnTask.exe" : "Cresset.Samples.OwnTask");
        string Own(params string[] arguments)
        {
            var (code, output, error) = CressetProcess.RunProgram(program, _folder, arguments);
            Assert.True(code == 0, error);
            return output;
        }
        Assert.Contains("accuracy", Own("train", Recipe, "trainer.steps=60", "optimizer=lion", "optimizer.beta1=0.95"),
            StringComparison.Ordinal);
        Assert.Contains("kind: lion",
            File.ReadAllText(Path.Combine(Directory.GetDirectories(Path.Combine(_folder, "runs"))[0], "config.yaml")),
            StringComparison.Ordinal);
        Assert.Contains("spirals", Own("list", "jobs"), StringComparison.Ordinal);
        Assert.Contains("Width of the hidden layers; a whole number, allowed: [1, 4096].", Own("show", "spirals"),
            StringComparison.Ordinal);
        Assert.Contains("accuracy", Own("eval", "spirals"), StringComparison.Ordinal);
        Assert.Contains("accuracy", Own("train", "--resume", "spirals", "trainer.steps=90"), StringComparison.Ordinal);
    }

    [Fact]
    public void TheCommandTakesAnAssemblyAndSaysWhenItIsMissing()
    {
        var (code, output, error) = CressetProcess.Run(_folder, "train", "--with", Assembly, Recipe, "trainer.steps=20");
        Assert.True(code == 0, error);
        Assert.Contains("accuracy", output, StringComparison.Ordinal);
        (code, _, error) = CressetProcess.Run(_folder, "eval", "spirals");
        Assert.Equal(2, code);
        Assert.Contains("unknown job 'spirals'", error, StringComparison.Ordinal);
        Assert.Contains("--with My.dll", error, StringComparison.Ordinal);
        (code, _, error) = CressetProcess.Run(_folder, "eval", "spirals", "--with", Assembly);
        Assert.True(code == 0, error);
    }

    [Fact]
    public void AQuantizerOfAnAssemblyIsTrainedEvaluatedAndCodesFiles()
    {
        string[] with = ["--with", Assembly];
        Ok(_folder, ["train", .. with, "vqvae-digits", "trainer.steps=20", "model.quantizer=rounding", "model.quantizer.most=3"]);
        Ok(_folder, ["eval", "vqvae-digits", .. with]);
        var run = Directory.GetDirectories(Path.Combine(_folder, "runs")).Single();
        // Neither a run's folder nor a tokenizer's file needs a store where the command is called.
        var elsewhere = Directory.CreateDirectory(Path.Combine(_folder, "elsewhere")).FullName;
        Ok(elsewhere, ["vq", "export", run, "-o", "rounding.safetensors", .. with]);
        var picture = Directory.GetFiles(Path.Combine(run, "samples"), "codes-*.png")[0];
        var (code, _, error) = CressetProcess.Run(elsewhere, "vq", "encode", "rounding.safetensors", picture, "-o", "x.cvq");
        Assert.Equal(2, code);
        Assert.Contains("--with My.dll", error, StringComparison.Ordinal);
        Ok(elsewhere, ["vq", "encode", "rounding.safetensors", picture, "-o", "x.cvq", .. with]);
        Ok(elsewhere, ["vq", "decode", run, "x.cvq", "-o", "back", .. with]);
        Ok(_folder, ["train", .. with, "vqvae-digits", "trainer.steps=5", "model.quantizer={kind: residual, stages: 2, stage: rounding}"]);
        (code, _, error) = CressetProcess.Run(_folder, ["train", .. with, "vqvae-digits", "model.quantizer=rounding",
            "model.quantizer.most=51"]);
        Assert.Equal(2, code);
        Assert.Contains("model.quantizer.most is 51", error, StringComparison.Ordinal);
    }

    private static void Ok(string folder, string[] arguments)
    {
        var (code, output, error) = CressetProcess.Run(folder, arguments);
        Assert.True(code == 0, error + output);
    }

    [Fact]
    public async Task ThePageOfAnAssemblyIsServedAndAsksItsComputation()
    {
        var (code, _, error) = CressetProcess.Run(_folder, "train", "--with", Assembly, Recipe, "trainer.steps=20", "--quiet");
        Assert.True(code == 0, error);
        var run = Path.GetFileName(Directory.GetDirectories(Path.Combine(_folder, "runs"))[0]);
        using var server = CressetProcess.Start(_folder, null, "serve", "--with", Assembly, "--port", "0", "--json");
        try
        {
            var lines = new List<string>();
            while (lines.LastOrDefault() != "}")
                lines.Add(await server.StandardOutput.ReadLineAsync()
                    ?? throw new EndOfStreamException(await server.StandardError.ReadToEndAsync()));
            using var said = System.Text.Json.JsonDocument.Parse(string.Concat(lines));
            using var client = new HttpClient { BaseAddress = new Uri(said.RootElement.GetProperty("dashboard").GetString()!) };
            Assert.Contains("subjects/spirals.js", await client.GetStringAsync(new Uri("/api/subjects", UriKind.Relative)),
                StringComparison.Ordinal);
            using var request = new HttpRequestMessage(HttpMethod.Post,
                "/api/compute")
            { Content = System.Net.Http.Json.JsonContent.Create(new { what = "spiral-field", run, side = 4 }) };
            request.Headers.Add("X-Cresset", "1");
            using var answer = await client.SendAsync(request);
            using var result = System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
            Assert.Equal(16, result.RootElement.GetProperty("result").GetProperty("field").GetArrayLength());
        }
        finally
        {
            CressetProcess.Interrupt(server);
            await server.WaitForExitAsync();
        }
    }

    [Theory]
    [InlineData("missing.dll", 2, "there is no such file")]
    [InlineData("text.dll", 1, "this is not a .NET assembly")]
    [InlineData("other.dll", 1, "it was built against Cresset.Numerics 9.9.0, this is ")]
    [InlineData("lacking.dll", 1, "Some.Package")]
    public void AssembliesThatCannotBeLoadedAreRefusedInOneLine(string file, int expected, string message)
    {
        File.WriteAllText(Path.Combine(_folder, "text.dll"), "no assembly at all");
        MadeAssembly.Write(Path.Combine(_folder, "other.dll"), "Cresset.Numerics", new Version(9, 9, 0, 0));
        MadeAssembly.Write(Path.Combine(_folder, "lacking.dll"), "Some.Package", new Version(1, 0, 0, 0));
        var (code, _, error) = CressetProcess.Run(_folder, "train", "--with", file, Recipe);
        Assert.Equal(expected, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Single(error.Trim().Split('\n'));
        Assert.False(Directory.Exists(Path.Combine(_folder, "runs")));
    }

    [Fact]
    public void ListsFitAHundredColumnsAndEveryPartIsShown()
    {
        foreach (var arguments in new[] { "", "list", "list --optimizers", "list kinds", "show lion", "show digits-classifier",
            "show tokenizer" })
        {
            var (code, output, error) = CressetProcess.Run(_folder, arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
            Assert.True(code == 0, error);
            Assert.All(output.Split('\n'),
                line => Assert.True(line.TrimEnd('\r').Length <= 100, $"'{arguments}' prints {line.Length} columns: {line}"));
        }
        Assert.Contains("did you mean 'train'?", CressetProcess.Run(_folder, "trian").Error, StringComparison.Ordinal);
        Assert.Contains("Did you mean 'lion'?", CressetProcess.Run(_folder, "show", "lyon").Error, StringComparison.Ordinal);
    }
}

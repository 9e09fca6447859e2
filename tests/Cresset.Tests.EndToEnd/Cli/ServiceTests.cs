using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>The sample service: a trained model behind HTTP, in a program that has neither recipes nor runs at hand.</summary>
public sealed class ServiceTests : IDisposable
{
    private static readonly string Program = Path.Combine(Repository.Root, "artifacts", "bin", "Cresset.Samples.Service",
        new DirectoryInfo(AppContext.BaseDirectory).Name,
        OperatingSystem.IsWindows() ? "Cresset.Samples.Service.exe" : "Cresset.Samples.Service");
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-service-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task AServiceAnswersPicturesFromManyClientsAndRefusesOthersInOneLine()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var (code, _, trained) = CressetProcess.Run(_folder, "train", "digits-classifier", "trainer.steps=2", "trainer.evaluate_every=0",
            "model.width=4", "model.hidden=8", "-q");
        Assert.True(code == 0, trained);
        // Only the model's file goes to the machine of the service.
        File.Move(Directory.GetFiles(_folder, "model.safetensors", SearchOption.AllDirectories).Single(),
            Path.Combine(_folder, "model.safetensors"));
        Directory.Delete(Path.Combine(_folder, "runs"), recursive: true);
        using var service =
            Process.Start(
                new ProcessStartInfo(Program,
                    [Path.Combine(_folder, "model.safetensors"), "--urls", "http://127.0.0.1:0"])
                {
                    RedirectStandardOutput = true,
                    WorkingDirectory = _folder
                })!;
        try
        {
            string? line;
            do line = await service.StandardOutput.ReadLineAsync(cancellation);
            while (line is not null && !line.Contains("listening on: ", StringComparison.Ordinal));
            Assert.NotNull(line);
            using var client = new HttpClient { BaseAddress = new Uri(line[(line.IndexOf("http", StringComparison.Ordinal))..].Trim()) };
            Assert.Contains("digits-classifier", await client.GetStringAsync("/", cancellation), StringComparison.Ordinal);
            var picture = await File.ReadAllBytesAsync(Repository.Reference("data/grey.png"), cancellation);
            var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(async _ =>
            {
                using var response = await client.PostAsync("/picture", new ByteArrayContent(picture), cancellation);
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                return await response.Content.ReadAsStringAsync(cancellation);
            }));
            using var answer = JsonDocument.Parse(Assert.Single(answers.Distinct()));
            Assert.InRange(answer.RootElement.GetProperty("probability").GetDouble(), 0.1, 1);
            using var broken = await client.PostAsync("/picture", new ByteArrayContent(picture[..40]), cancellation);
            Assert.Equal(HttpStatusCode.BadRequest, broken.StatusCode);
            Assert.Contains("upload", await broken.Content.ReadAsStringAsync(cancellation), StringComparison.Ordinal);
            using var row = await client.PostAsJsonAsync("/row", new { area = 1 }, cancellation);
            Assert.Equal(HttpStatusCode.BadRequest, row.StatusCode);
            Assert.Contains("is not a table", await row.Content.ReadAsStringAsync(cancellation), StringComparison.Ordinal);
            CressetProcess.Interrupt(service);
            await service.WaitForExitAsync(cancellation);
            Assert.Equal(0, service.ExitCode);
        }
        finally
        {
            if (!service.HasExited) service.Kill();
        }
    }
}

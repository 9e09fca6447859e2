using System.Net.Http.Json;
using System.Text.Json;
using Cresset.Dashboard;
using Cresset.Runs;
using Cresset.Tests.Managed.Runs;

namespace Cresset.Tests.Managed.Dashboard;

/// <summary>A store in a folder of its own, and a server that shows it.</summary>
internal sealed class ServedStore : IAsyncDisposable
{
    /// <summary>The smallest PNG: one pixel.</summary>
    public static readonly byte[] Pixel = Convert.FromBase64String(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");

    private readonly TemporaryFolder _folder;

    private ServedStore(TemporaryFolder folder, DashboardServer server)
    {
        (_folder, Server) = (folder, server);
        Client = new HttpClient(new SocketsHttpHandler { UseCookies = false })
        {
            BaseAddress = server.Address,
            Timeout = TimeSpan.FromSeconds(30)
        };
    }

    public DashboardServer Server { get; }

    public HttpClient Client { get; }

    public string Folder => _folder.Path;

    public static async Task<ServedStore> Start(Func<DashboardOptions, DashboardOptions>? change = null)
    {
        var folder = new TemporaryFolder();
        var options = new DashboardOptions { Folder = folder.Path, Port = 0 };
        return new ServedStore(folder, await DashboardServer.Start(change?.Invoke(options) ?? options));
    }

    /// <summary>Records a finished run and returns its id.</summary>
    public string Record(Action<Run> record, string name = "r", IReadOnlyDictionary<string, string>? config = null)
    {
        using var store = RunStore.Open(Folder);
        using var run = store.Begin(name, "test", config);
        record(run);
        run.Finish(RunStatus.Finished, new Dictionary<string, double> { ["accuracy"] = 0.5 });
        return run.Id;
    }

    public async Task<(int Status, JsonElement Json)> Get(string path)
    {
        using var response = await Client.GetAsync(new Uri(path, UriKind.Relative));
        return ((int)response.StatusCode, (await response.Content.ReadFromJsonAsync<JsonElement>()).Clone());
    }

    public async Task<(int Status, JsonElement Json)> Post(string path, object body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        request.Headers.Add("X-Cresset", "1");
        using var response = await Client.SendAsync(request);
        return ((int)response.StatusCode, (await response.Content.ReadFromJsonAsync<JsonElement>()).Clone());
    }

    public async Task<int> Send(HttpMethod method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (method != HttpMethod.Get) request.Content = JsonContent.Create(new { });
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Client.SendAsync(request);
        return (int)response.StatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        _folder.Dispose();
    }
}

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Worlds in other processes: the sample servers, several at once, over a socket, and every way a server can fail.</summary>
public sealed class ServedWorldTests : IDisposable
{
    private const string Hello =
        """{"observation": {"kind": "box", "low": 0, "high": 1, "shape": [2]}, "action": {"kind": "discrete", "n": 2}}""";
    private static readonly string Samples = Path.Combine(Repository.Root, "samples", "Cresset.Samples.Worlds");
    private static readonly string Lift = Path.Combine(Repository.Root, "artifacts", "bin", "Cresset.Samples.WorldServer",
        new DirectoryInfo(AppContext.BaseDirectory).Name, "Cresset.Samples.WorldServer.dll");
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-served-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ThePythonServerKeepsTheContractWithMasksAndExactStates()
    {
        var made = new List<IEnvironment<float, int>>();
        IEnvironment<float, int> Make()
        {
            made.Add(Tank().Create<float, int>());
            return made[^1];
        }

        Assert.Empty(EnvironmentChecks.Check(Make, 200));
        Assert.Equal(("Tank", 60, 50.0, true), (made[0].Name, made[0].MaxEpisodeSteps, made[0].RewardThreshold, made[0].SavesState));
        Assert.NotNull(ActionMasks.Of(made[0]));
        foreach (var environment in made) environment.End();
    }

    [Fact]
    public void TheServerInCSharpIsPlayed()
    {
        var lift = new ProcessSource { Command = $"dotnet '{Lift}'" }.Create<float, int>();
        var observation = lift.Reset(3);
        var outcome = new StepOutcome(0, false);
        for (var step = 0; step < 20 && !outcome.Ended; step++)
            outcome = lift.Step(observation[0] < observation[1] ? 2 : observation[0] > observation[1] ? 0 : 1, observation.AsSpan());
        Assert.Equal((1.0, true), (outcome.Reward, outcome.Terminated));
        Assert.Throws<InvalidOperationException>(() => lift.Step(1, observation.AsSpan()));
        Assert.Equal(lift.Reset(5), lift.Reset(5));
        Assert.False(lift.SavesState);
        lift.End();
        Assert.Throws<ObjectDisposedException>(() => lift.Reset(1));
    }

    [Fact]
    public void SeveralServersAreSteppedAtOnceAndEndWithTheirEnvironment()
    {
        var alone = Tank().Create<float, int>();
        var expected = alone.Reset(12);
        StepOutcome outcome;
        using var copies = new SyncVectorEnvironment<float, int>(3, () => Tank().Create<float, int>(), AutoresetMode.SameStep);
        copies.Reset(10);
        for (var step = 0; step < 20; step++)
        {
            Assert.Equal(expected, copies.Observations[4..].ToArray());
            outcome = alone.Step(0, expected.AsSpan());
            copies.Step([0, 0, 0]);
            Assert.Equal(outcome.Reward, copies.Rewards[2]);
            if (outcome.Ended) break;
        }
        Assert.Contains("masked", Assert.Throws<ArgumentException>(() => Drained(alone).Step(2, expected.AsSpan())).Message,
            StringComparison.Ordinal);
        alone.End();
    }

    [Fact]
    public void EndedServersAreGone()
    {
        // It says its process number as its name, and ignores the end of its input.
        var path = Write(
            "import json, os, sys, time\nfor line in sys.stdin:\n    print(json.dumps({'name': str(os.getpid()), **json.loads('" + Hello
                + "')}), flush=True)\n");
        var environment = new ProcessSource { Command = $"python3 {path}" }.Create<float, int>();
        using var process = Process.GetProcessById(int.Parse(environment.Name, System.Globalization.CultureInfo.InvariantCulture));
        Assert.False(process.HasExited);
        environment.End();
        Assert.True(process.WaitForExit(5000));
    }

    // What a program does that is not a server, and what is said about it.
    public static TheoryData<string, string> Programs => new()
    {
        { "raise SystemExit('no licence found')",
            "ended with exit code 1 instead of giving its answer to hello. It wrote last: no licence found" },
        { "import time; time.sleep(60)", "has not given its answer to hello within 0.5 s; it was ended" },
        { "import sys; sys.stdin.readline(); print('welcome'); print({H}, flush=True); sys.stdin.readline(); "
            + "sys.stderr.write('engine\\nstalled\\n'); sys.exit(9)",
            "ended with exit code 9 instead of giving its answer to reset. It wrote last: stalled" },
    };

    [Theory]
    [MemberData(nameof(Programs))]
    public void AProgramThatFailsIsNamedInOneLine(string program, string message)
    {
        var path = Write(program.Replace("{H}", $"'{Hello}'", StringComparison.Ordinal) + "\n");
        Fails(new ProcessSource
        {
            Command = $"python3 -S {path}",
            StartSeconds = program.Contains("sleep", StringComparison.Ordinal) ? 0.5 : 60,
            AnswerSeconds = 60
        }, path, message);
    }

    // What a server answers one question after the other, and what is said about it. {H} stands for the right answer to hello.
    public static TheoryData<string[], string> Answers => new()
    {
        { ["""{"observation": 3"""], "its answer to hello is not right" },
        { ["{}"], "The key 'observation' is missing" },
        { [Hello.Replace("box", "bax", StringComparison.Ordinal)], "box, discrete, multi_discrete or multi_binary is expected" },
        { [Hello.Replace("\"action\"", "\"actions\"", StringComparison.Ordinal)], "Did you mean 'action'" },
        { [Hello.Replace("\"n\": 2", "\"n\": 0", StringComparison.Ordinal)], "action.n is 0; a whole number of at least 1 is expected" },
        { [Hello.Replace(", \"shape\": [2]", "", StringComparison.Ordinal)], "observation has no shape" },
        { ["{H}", "hello again"], "its answer to reset is not right" },
        { ["{H}"], "closed the connection instead of giving its answer to reset" },
        { ["{H}", ""], "its answer to reset is not right" },
        { ["{H}", """{"observation": [1]}"""], "'observation' has 1 values; its space has 2" },
        { ["{H}", """{"observation": [1, NaN]}"""], "its answer to reset is not right" },
        { ["{H}", """{"observation": [1, 1e99]}"""], "too large for a float32" },
        { ["{H}", """{"observation": [1, "x"]}"""], "value 1 of 'observation' is not a number" },
        { ["{H}", """{"observation": "!"}"""], "but not base64" },
        { ["{H}", """{"observation": [1, 0], "mask": [true, true]}"""], "did not say \"masks\": true" },
        { ["{H}", """{"error": "map not loaded"}"""], "it reports: map not loaded" },
        { ["{H}", """{"observation": [1, 0]} {}"""], "its answer to reset is not right" },
        { ["{H}", "{\"observation\": [1, 0]}\n{}"], "more than one line" },
        { ["{H}", """{"observation": [1, 0]}""", """{"observation": [1, 0], "reward": 1, "terminated": false}"""],
            "'truncated' is missing" },
        { ["{H}", """{"observation": [1, 0]}""", """{"observation": [1, 0], "reward": null, "terminated": false, "truncated": false}"""],
            "'reward' is not a number" },
        { ["{H}", """{"observation": [1, 0]}""", """{"observation": [1, 0], "reward": 1, "done": false}"""],
            "the key 'done' is unknown here" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void AServerThatAnswersWronglyIsNamedInOneLine(string[] answers, string message)
    {
        var path = Path.Combine(_folder, "world.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var serving = new Thread(() =>
        {
            using var stream = new NetworkStream(listener.Accept(), ownsSocket: true);
            using var reader = new StreamReader(stream);
            foreach (var answer in answers)
            {
                reader.ReadLine();
                stream.Write(Encoding.UTF8.GetBytes(answer.Replace("{H}", Hello, StringComparison.Ordinal) + "\n"));
            }
            reader.ReadLine();
        })
        { IsBackground = true };
        serving.Start();
        Fails(new ProcessSource { Address = $"unix:{path}" }, path, message);
    }

    private static void Fails(ProcessSource source, string path, string message)
    {
        var error = Assert.Throws<EnvironmentServerException>(() =>
        {
            var environment = source.Create<float, int>();
            try
            {
                environment.Step(0, environment.Reset(1).AsSpan());
            }
            catch (EnvironmentServerException e)
            {
                // Asked again it says the same.
                Assert.Equal(e.Message, Assert.Throws<EnvironmentServerException>(() => environment.Reset(1)).Message);
                throw;
            }
            finally
            {
                environment.End();
            }
        });
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatCannotBeStartedOrReachedIsRefused()
    {
        Assert.Contains("there is no program 'pyhton3' on the PATH",
            Assert.Throws<ArgumentException>(() => new ProcessSource { Command = "pyhton3 world.py" }.Make()).Message,
            StringComparison.Ordinal);
        Assert.Contains("there is no file ./world",
            Assert.Throws<ArgumentException>(() => new ProcessSource { Command = "./world" }.Make()).Message, StringComparison.Ordinal);
        Assert.Contains("is not closed",
            Assert.Throws<ArgumentException>(() => new ProcessSource { Command = "python3 'world.py" }.Make()).Message,
            StringComparison.Ordinal);
        Assert.Contains("neither host:port",
            Assert.Throws<ArgumentException>(() => new ProcessSource { Address = "localhost" }.Make()).Message, StringComparison.Ordinal);
        Assert.Contains("Start it first",
            Assert.Throws<EnvironmentServerException>(() => new ProcessSource { Address = $"unix:{_folder}/none" }.Make()).Message,
            StringComparison.Ordinal);
        Assert.Single(new ProcessSource { Command = "a", Address = "b:1" }.Validate());
        Assert.Single(new ProcessSource().Validate());
        Assert.Equal(["a b", "c", "", "d'e"], CommandWords.Split("'a b' c '' \"d'e\""));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AWorldBehindASocketIsPlayed(bool unix)
    {
        using var listener = new Socket(unix ? AddressFamily.Unix : AddressFamily.InterNetwork, SocketType.Stream,
            unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        var path = Path.Combine(_folder, "world.sock");
        listener.Bind(unix ? new UnixDomainSocketEndPoint(path) : new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var asked = new List<string>();
        var serving = Task.Run(() =>
        {
            using var socket = listener.Accept();
            using var stream = new NetworkStream(socket);
            using var reader = new StreamReader(stream);
            string[] answers =
            [
                """{"name": "Far", "observation": {"kind": "multi_binary", "n": 2},"""
                    + """ "action": {"kind": "box", "low": [-1, null], "high": [1, null]}, "renders": true, "return_range": [0, null]}""",
                """{"observation": [true, 0], "info": {"any": [1]}}""",
                """{"observation": [[1], [1.0]], "reward": 2.5, "terminated": false, "truncated": true}""",
                """{"width": 1, "height": 2, "rgb": "AQIDBAUG"}""",
            ];
            foreach (var answer in answers)
            {
                asked.Add(reader.ReadLine()!);
                stream.Write(Encoding.UTF8.GetBytes(answer + "\r\n"));
            }
            return reader.ReadLine();
        }, TestContext.Current.CancellationToken);
        var far =
            new ProcessSource { Address = unix ? $"unix:{path}" : $"localhost:{((IPEndPoint)listener.LocalEndPoint!).Port}" }.Create<sbyte,
                float>();
        Assert.Equal((0, double.PositiveInfinity), (far.ReturnRange.Low, far.ReturnRange.High));
        var observation = far.Reset(ulong.MaxValue);
        Assert.Equal([1, 0], observation);
        Assert.Equal(new StepOutcome(2.5, false, true), far.Step([0.5f, -7], observation));
        Assert.Equal([1, 1], observation);
        var picture = ((IRenderable)far.Unwrapped).Render();
        Assert.Equal((1, 2, new Rgb(4, 5, 6)), (picture.Width, picture.Height, picture[0, 1]));
        far.End();
        // The end of the connection is the end of the world.
        Assert.Null(await serving);
        Assert.Equal(["""{"do":"hello","protocol":1}""", """{"do":"reset","seed":18446744073709551615}""",
            """{"do":"step","action":[0.5,-7]}""", """{"do":"render"}"""], asked);
    }

    [Fact]
    public void PackedPicturesAreReadAsBytes()
    {
        var path = Write("import sys, base64\n" + """
            print('{"observation": {"kind": "box", "low": 0, "high": 255, "shape": [1, 2, 2]}, "action": {"kind": "discrete", "n": 2}}', flush=True)
            sys.stdin.readline()
            sys.stdin.readline()
            print('{"observation": "' + base64.b64encode(bytes([0, 7, 200, 255])).decode() + '"}', flush=True)
            sys.stdin.read()
            """.Replace("\r", "", StringComparison.Ordinal));
        var environment = new ProcessSource { Command = $"python3 -S {path}" }.Create<float, int>();
        Assert.Equal([0, 7, 200, 255], environment.Reset(1));
        Assert.Equal([1, 2, 2], ((Box)environment.ObservationSpace).Shape.ToArray());
        environment.End();
    }

    [Fact]
    public void GymnasiumIsPlayedWhereItIsInstalledAndMissedInOneLineElsewhere()
    {
        var source = new ProcessSource { Command = $"python3 '{Path.Combine(Samples, "gymnasium_server.py")}' CartPole-v1" };
        using var probe = Process.Start(new ProcessStartInfo("python3", ["-c", "import gymnasium"]) { RedirectStandardError = true })!;
        probe.WaitForExit();
        if (probe.ExitCode != 0)
        {
            Assert.Contains("No module named", Assert.Throws<EnvironmentServerException>(source.Make).Message, StringComparison.Ordinal);
            return;
        }
        var (theirs, ours) = (source.Create<float, int>(), new CartPoleSource().Create<float, int>());
        Assert.Equal((500, 475.0), (theirs.MaxEpisodeSteps, theirs.RewardThreshold));
        var (a, b) = (theirs.Reset(42), ours.Reset(42));
        for (var step = 0; step < 30; step++)
        {
            Assert.Equal(b, a);
            var outcome = ours.Step(step % 2, b.AsSpan());
            Assert.Equal(outcome, theirs.Step(step % 2, a.AsSpan()));
            if (outcome.Ended) break;
        }
        theirs.End();
    }

    private static ProcessSource Tank() => new() { Command = $"python3 '{Path.Combine(Samples, "tank.py")}'" };

    // Lets everything out that the mask allows.
    private static IEnvironment<float, int> Drained(IEnvironment<float, int> tank)
    {
        var mask = new bool[3];
        var observation = tank.Reset(1);
        for (((IActionMask)tank).WriteActionMask(mask); mask[2]; ((IActionMask)tank).WriteActionMask(mask))
            tank.Step(2, observation.AsSpan());
        return tank;
    }

    private string Write(string program)
    {
        var path = Path.Combine(_folder, "world.py");
        File.WriteAllText(path, program);
        return path;
    }
}

using System.Diagnostics;
using System.Net.Sockets;
using Cresset.Numerics;
using Xunit;

namespace Cresset.Tests.Managed;

public sealed class AtomicFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-atomic").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ALinkStaysALinkAndItsTargetIsWritten()
    {
        if (OperatingSystem.IsWindows()) return;
        var (target, link, again) = (Path.Combine(_folder, "target"), Path.Combine(_folder, "link"), Path.Combine(_folder, "again"));
        File.WriteAllText(target, "old");
        File.CreateSymbolicLink(link, "target");
        File.CreateSymbolicLink(again, link);
        AtomicFile.WriteText(again, "new");
        Assert.Equal("new", File.ReadAllText(target));
        Assert.NotNull(new FileInfo(link).LinkTarget);
        Assert.NotNull(new FileInfo(again).LinkTarget);
        File.CreateSymbolicLink(Path.Combine(_folder, "dangling"), "made");
        AtomicFile.WriteText(Path.Combine(_folder, "dangling"), "made");
        Assert.Equal("made", File.ReadAllText(Path.Combine(_folder, "made")));
    }

    [Fact]
    public void ADeviceIsWrittenToAndNotReplaced()
    {
        if (!OperatingSystem.IsLinux()) return;
        // Root could replace it; the link is written through in any case.
        var link = Path.Combine(_folder, "null");
        File.CreateSymbolicLink(link, "/dev/null");
        AtomicFile.WriteText(link, "gone");
        AtomicFile.WriteText("/dev/null", "gone");
        Assert.Equal("", File.ReadAllText("/dev/null"));
        Assert.Empty(Directory.GetFiles("/dev", "null.*.tmp"));
        Assert.ThrowsAny<IOException>(() => AtomicFile.WriteText("/dev/full", new string('x', 1 << 20)));
        Assert.True(File.Exists("/dev/full") && new FileInfo("/dev/full").Length == 0);
    }

    [Fact]
    public async Task APipeIsWrittenToAndNotReplacedAndASocketIsRefused()
    {
        if (!OperatingSystem.IsLinux()) return;
        var (pipe, link, socket) = (Path.Combine(_folder, "pipe"), Path.Combine(_folder, "link"), Path.Combine(_folder, "socket"));
        using (var made = Process.Start("mkfifo", [pipe])) await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(link, "pipe");
        foreach (var path in new[] { pipe, link })
        {
            var read = Task.Run(() => File.ReadAllText(pipe), TestContext.Current.CancellationToken);
            AtomicFile.WriteText(path, "through");
            Assert.Equal("through", await read);
            Assert.Equal("a named pipe", SpecialFile.KindOf(path));
        }
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(socket));
        Assert.Contains("is a socket", Assert.Throws<IOException>(() => AtomicFile.WriteText(socket, "x")).Message,
            StringComparison.Ordinal);
        Assert.Equal("a socket", SpecialFile.KindOf(socket));
    }

    [Fact]
    public void WhatIsAFileOrNothingIsNoSpecialFile()
    {
        var empty = Path.Combine(_folder, "empty");
        File.WriteAllText(empty, "");
        Assert.Null(SpecialFile.KindOf(empty));
        Assert.Null(SpecialFile.KindOf(_folder));
        Assert.Null(SpecialFile.KindOf(Path.Combine(_folder, "nothing")));
        if (OperatingSystem.IsWindows()) return;
        var (circle, dangling) = (Path.Combine(_folder, "circle"), Path.Combine(_folder, "dangling"));
        File.CreateSymbolicLink(circle, "circle");
        File.CreateSymbolicLink(dangling, "nowhere");
        Assert.Null(SpecialFile.KindOf(circle));
        Assert.Null(SpecialFile.KindOf(dangling));
        Assert.Equal("a device", SpecialFile.KindOf("/dev/null"));
    }

    [Fact]
    public void BytesThatAreNoTextAreRefusedWithTheirFile()
    {
        var file = Path.Combine(_folder, "text");
        File.WriteAllBytes(file, [(byte)'a', (byte)'\n', 0xE4, (byte)'\n']);
        Assert.Contains("e4 are not UTF-8", Assert.Throws<InvalidDataException>(() => Utf8Text.Read(file)).Message,
            StringComparison.Ordinal);
        Assert.Contains(file, Assert.Throws<InvalidDataException>(() => Utf8Text.Lines(file).ToList()).Message, StringComparison.Ordinal);
        File.WriteAllText(file, "ä\n", System.Text.Encoding.Unicode);
        Assert.Equal(["ä"], Utf8Text.Lines(file));
    }
}

using System.Diagnostics;

namespace Cresset.Cli.Libtorch;

/// <summary>
/// A stream that is written to and says on standard error how far it has come: a bar on a terminal, a line at both ends elsewhere.
/// </summary>
internal sealed class DownloadProgress : Stream
{
    private const int Bar = 24;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private readonly Stream _inner;
    private readonly long _total;
    private readonly bool _isTerminal = !Console.IsErrorRedirected;
    private readonly Stopwatch _sinceShown = Stopwatch.StartNew();
    private long _done;

    public DownloadProgress(string what, long total, Stream inner)
    {
        (_total, _inner) = (total, inner);
        Console.Error.WriteLine($"Fetching {what}: {Megabytes(total)}.");
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _inner.Write(buffer);
        Show(buffer.Length);
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await _inner.WriteAsync(buffer, cancellationToken);
        Show(buffer.Length);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() => _inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && _isTerminal)
        {
            Draw();
            Console.Error.WriteLine();
        }
        base.Dispose(disposing);
    }

    private void Show(int bytes)
    {
        _done += bytes;
        if (!_isTerminal || _sinceShown.Elapsed < Pause) return;
        _sinceShown.Restart();
        Draw();
    }

    private void Draw()
    {
        var filled = (int)(Bar * Math.Min(1, _done / (double)_total));
        Console.Error.Write($"\r[{new string('#', filled)}{new string('-', Bar - filled)}] {Megabytes(_done)} of {Megabytes(_total)}  ");
    }

    private static string Megabytes(long bytes) => $"{bytes / 1e6:0} MB";
}

using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace Cresset.Rl;

/// <summary>
/// The way to a server: a line there, a line back. A thread of its own carries them, so that whoever asks waits no longer than the limit,
/// whatever the server does with its end of the pipe.
/// </summary>
internal sealed class ServerLink : IDisposable
{
    private const int GreetingLines = 1000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Process? _process;
    private readonly Socket? _socket;
    private readonly Stream _to;
    private readonly LineReader _from;
    private readonly LastWords? _words;
    private readonly SemaphoreSlim _asked = new(0);
    private readonly SemaphoreSlim _answered = new(0);
    private ReadOnlyMemory<byte> _line;
    private ReadOnlyMemory<byte> _answer;
    private Exception? _failure;
    private string? _broken;
    private bool _isGreeted;
    private volatile bool _isClosing;
    private int _isDisposed;

    private ServerLink(string name, Stream to, Stream from, Process? process, Socket? socket)
    {
        (Name, _to, _from, _process, _socket) = (name, to, new LineReader(from), process, socket);
        if (process is not null) _words = new LastWords(process.StandardError);
        // A server that ignores the end of its input must not outlive the program.
        AppDomain.CurrentDomain.ProcessExit += AtExit;
        new Thread(Carry) { IsBackground = true, Name = $"lines of {name}" }.Start();
    }

    /// <summary>The command or address, for messages.</summary>
    public string Name { get; }

    /// <summary>Starts a server whose pipes are the way to it.</summary>
    /// <exception cref="ArgumentException">There is no such program.</exception>
    public static ServerLink Start(string command)
    {
        var words = CommandWords.Split(command);
        CommandWords.CheckProgram(words[0], command);
        // In a session of its own: Ctrl-C in the terminal is for this program, which then ends the server in order.
        var own = OperatingSystem.IsLinux() && (File.Exists("/usr/bin/setsid") || File.Exists("/bin/setsid"));
        var start = own ? new ProcessStartInfo("setsid", words) : new ProcessStartInfo(words[0], words[1..]);
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError, start.UseShellExecute,
            start.CreateNoWindow) = (true, true, true, false, true);
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new ArgumentException($"command: {command}: '{words[0]}' cannot be started: {e.Message}", nameof(command), e);
        }
        return new ServerLink($"'{command}'", process.StandardInput.BaseStream, process.StandardOutput.BaseStream, process, null);
    }

    /// <summary>Connects to a server that is listening.</summary>
    /// <exception cref="ArgumentException">The address is none.</exception>
    /// <exception cref="EnvironmentServerException">Nobody listens there.</exception>
    public static ServerLink Connect(string address, TimeSpan limit)
    {
        var isUnix = address.StartsWith("unix:", StringComparison.Ordinal);
        var colon = address.LastIndexOf(':');
        var port = 0;
        if (!isUnix
            && (colon <= 0 || !int.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port)
                || port is < 1 or > 65_535))
        {
            throw new ArgumentException($"address: '{address}' is neither host:port (localhost:5005) nor unix:PATH.", nameof(address));
        }
        var socket = isUnix ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using var late = new CancellationTokenSource(limit);
            var connecting = isUnix ? socket.ConnectAsync(new UnixDomainSocketEndPoint(address[5..]), late.Token)
                : socket.ConnectAsync(address[..colon], port, late.Token);
            connecting.AsTask().GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ArgumentException)
        {
            socket.Dispose();
            var why = e is OperationCanceledException
                ? string.Create(CultureInfo.InvariantCulture, $"nobody answered within {limit.TotalSeconds:0.##} s") : e.Message;
            throw new EnvironmentServerException($"No server can be reached at {address}: {why}. Start it first.", e);
        }
        var stream = new NetworkStream(socket, ownsSocket: false);
        return new ServerLink(address, stream, stream, null, socket);
    }

    /// <summary>Sends a line (with its end) and waits for the answer, which the next call overwrites.</summary>
    /// <param name="line">What to send.</param>
    /// <param name="limit">How long to wait.</param>
    /// <param name="what">What is asked for, for messages: "its answer to step".</param>
    /// <exception cref="EnvironmentServerException">There is no answer; the server is ended.</exception>
    public ReadOnlySpan<byte> Ask(ReadOnlyMemory<byte> line, TimeSpan limit, string what)
    {
        if (_broken is { } earlier) throw new EnvironmentServerException(earlier);
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        _line = line;
        _asked.Release();
        if (!_answered.Wait(limit))
        {
            throw Break(
                string.Create(CultureInfo.InvariantCulture,
                    $"The server {Name} has not given {what} within {limit.TotalSeconds:0.##} s; it was ended.{_words?.Last}"), null);
        }
        if (_failure is { } failure) throw Break(failure is EnvironmentServerException ? failure.Message : Death(what, failure), failure);
        return _answer.Span;
    }

    /// <summary>Ends the server after a wrong answer; the link cannot be used any more.</summary>
    public EnvironmentServerException Break(string message, Exception? cause)
    {
        _broken = message;
        Close(TimeSpan.Zero);
        return new EnvironmentServerException(message, cause);
    }

    /// <summary>Closes the way, which asks the server to end, and ends it by force where it does not.</summary>
    public void Dispose() => Close(Patience);

    /// <summary>Ends the server at once.</summary>
    public void Abandon() => Close(TimeSpan.Zero);

    private void AtExit(object? sender, EventArgs e) => Close(TimeSpan.Zero);

    private void Close(TimeSpan patience)
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        AppDomain.CurrentDomain.ProcessExit -= AtExit;
        _isClosing = true;
        _asked.Release();
        if (_process is null)
        {
            _socket!.Dispose();
            return;
        }
        if (patience > TimeSpan.Zero)
        {
            try
            {
                _to.Dispose();
            }
            catch (IOException)
            {
                // It has ended by itself: nothing is left to be closed.
            }
        }
        if (!_process.WaitForExit(patience)) Kill();
        _process.Dispose();
    }

    private void Kill()
    {
        try
        {
            _process!.Kill(entireProcessTree: true);
            _process.WaitForExit(Patience);
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception or AggregateException)
        {
            // It ended between the question and the kill, or one of its children did.
            Debug.WriteLine(e.Message);
        }
    }

    private string Death(string what, Exception failure)
    {
        if (_process is null) return $"The server at {Name} closed the connection instead of giving {what}.";
        var ended = _process.WaitForExit(Patience);
        _words!.WaitForEnd(Patience);
        var how = ended ? string.Create(CultureInfo.InvariantCulture, $"ended with exit code {_process.ExitCode}")
            : failure is EndOfStreamException ? "closed its output" : $"broke off ({failure.Message})";
        return $"The server {Name} {how} instead of giving {what}.{_words.Last}";
    }

    private void Carry()
    {
        while (true)
        {
            _asked.Wait();
            if (_isClosing) return;
            try
            {
                _to.Write(_line.Span);
                _to.Flush();
                _answer = _from.Next();
                // Libraries greet on the standard output when they are loaded; that comes before the first answer only.
                for (var skipped = 0; !_isGreeted && skipped < GreetingLines
                    && (_answer.IsEmpty || _answer.Span[0] != (byte)'{'); skipped++) _answer = _from.Next();
                _isGreeted = true;
                _failure = _from.HasMore
                    ? new EnvironmentServerException(
                        $"The server {Name} wrote more than one line for one question. What it has to say besides belongs on its standard "
                            + $"error.") : null;
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
            {
                _failure = e;
            }
            _answered.Release();
            if (_failure is not null) return;
        }
    }

    /// <summary>Lines out of a stream.</summary>
    private sealed class LineReader(Stream stream)
    {
        private const int LongestLine = 1 << 28;
        private byte[] _buffer = new byte[1 << 16];
        private int _start;
        private int _end;

        /// <summary>Whether something stands behind the line handed out last.</summary>
        public bool HasMore => _start < _end;

        /// <summary>The next line without its end; overwritten by the one after it.</summary>
        /// <exception cref="EndOfStreamException">There is none.</exception>
        public ReadOnlyMemory<byte> Next()
        {
            var searched = _start;
            while (true)
            {
                var found = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
                if (found >= 0)
                {
                    var line = _buffer.AsMemory(_start, searched + found - _start);
                    _start = searched + found + 1;
                    return line.Span is [.., (byte)'\r'] ? line[..^1] : line;
                }
                searched = _end;
                if (_end == _buffer.Length)
                {
                    // Lines before this one have been read by whoever asked for them.
                    var kept = _end - _start;
                    if (kept > LongestLine) throw new IOException($"a line is longer than {LongestLine} bytes");
                    var room = kept > _buffer.Length / 2 ? new byte[_buffer.Length * 2] : _buffer;
                    _buffer.AsSpan(_start, kept).CopyTo(room);
                    (_buffer, _start, _end, searched) = (room, 0, kept, kept);
                }
                var read = stream.Read(_buffer, _end, _buffer.Length - _end);
                if (read == 0) throw new EndOfStreamException();
                _end += read;
            }
        }
    }

    /// <summary>What a server has written to its standard error, the end of it.</summary>
    private sealed class LastWords
    {
        private readonly Thread _listening;
        private string _last = "";

        public LastWords(StreamReader errors)
        {
            _listening = new Thread(() => Listen(errors)) { IsBackground = true, Name = "last words of a server" };
            _listening.Start();
        }

        /// <summary>The last line, as the end of a message; empty when there was none.</summary>
        public string Last => _last.Length == 0 ? "" : $" It wrote last: {_last}";

        public void WaitForEnd(TimeSpan limit) => _listening.Join(limit);

        private void Listen(StreamReader errors)
        {
            try
            {
                while (errors.ReadLine() is { } line)
                {
                    if (line.AsSpan().Trim().Length > 0) _last = line.Trim();
                }
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // The pipe was closed with the server: nothing more will be said.
                Debug.WriteLine(e.Message);
            }
        }
    }
}

using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Cresset.Dashboard;

/// <summary>
/// The secret of one server. The token is printed once; whoever shows it gets a cookie that is derived from it and from the port, so that
/// neither holds for another server of the same machine.
/// </summary>
internal sealed class AccessToken
{
    private const int Guesses = 10;
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);
    private readonly byte[] _secret = RandomNumberGenerator.GetBytes(32);
    private readonly byte[] _cookie;
    private readonly ConcurrentQueue<DateTime> _wrong = new();

    public AccessToken(int port)
    {
        CookieName = FormattableString.Invariant($"cresset-{port}");
        _cookie = HMACSHA256.HashData(_secret, Encoding.UTF8.GetBytes(CookieName));
    }

    /// <summary>What the link carries behind '#', where no server and no log sees it.</summary>
    public string Text => Convert.ToHexStringLower(_secret);

    public string CookieName { get; }

    public string CookieValue => Convert.ToHexStringLower(_cookie);

    public bool IsCookie(string? value) => Same(value, _cookie);

    /// <summary>Whether the token is right; null when there were too many wrong ones in the last minute.</summary>
    public bool? Check(string? text)
    {
        while (_wrong.TryPeek(out var first) && DateTime.UtcNow - first > Pause) _wrong.TryDequeue(out _);
        if (_wrong.Count >= Guesses) return null;
        if (Same(text, _secret)) return true;
        _wrong.Enqueue(DateTime.UtcNow);
        return false;
    }

    private static bool Same(string? text, byte[] secret)
    {
        Span<byte> bytes = stackalloc byte[32];
        return text is { Length: 64 } && Convert.FromHexString(text, bytes, out _, out _) == System.Buffers.OperationStatus.Done
            && CryptographicOperations.FixedTimeEquals(bytes, secret);
    }
}

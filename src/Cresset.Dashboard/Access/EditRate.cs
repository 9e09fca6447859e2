namespace Cresset.Dashboard;

/// <summary>How fast the page may write: a hand on a mouse never reaches it, a script that floods the database does.</summary>
internal sealed class EditRate(int most, TimeSpan window)
{
    private readonly Queue<DateTime> _taken = new();

    public bool Take()
    {
        lock (_taken)
        {
            var now = DateTime.UtcNow;
            while (_taken.TryPeek(out var first) && now - first > window) _taken.Dequeue();
            if (_taken.Count >= most) return false;
            _taken.Enqueue(now);
            return true;
        }
    }
}

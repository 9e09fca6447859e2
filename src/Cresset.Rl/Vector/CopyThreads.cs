namespace Cresset.Rl;

/// <summary>A thread for each copy that waits on another process. The pool would give such threads out one by one.</summary>
internal sealed class CopyThreads : IDisposable
{
    private readonly Action<int> _step;
    private readonly SemaphoreSlim[] _go;
    private readonly CountdownEvent _busy;
    private readonly Exception?[] _failures;
    private volatile bool _isClosing;

    public CopyThreads(int count, Action<int> step)
    {
        (_step, _busy, _failures) = (step, new CountdownEvent(count), new Exception?[count]);
        _go = [.. Enumerable.Range(0, count).Select(_ => new SemaphoreSlim(0))];
        for (var i = 0; i < count; i++)
        {
            var copy = i;
            new Thread(() => Work(copy)) { IsBackground = true, Name = $"copy {copy}" }.Start();
        }
    }

    /// <summary>Steps every copy once. What went wrong in the first of them is thrown when all are done.</summary>
    public void Run()
    {
        ObjectDisposedException.ThrowIf(_isClosing, this);
        _busy.Reset();
        Array.Clear(_failures);
        foreach (var go in _go) go.Release();
        _busy.Wait();
        if (_failures.FirstOrDefault(f => f is not null) is { } failure)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    public void Dispose()
    {
        if (_isClosing) return;
        _isClosing = true;
        foreach (var go in _go) go.Release();
    }

    private void Work(int copy)
    {
        while (true)
        {
            _go[copy].Wait();
            if (_isClosing) return;
            try
            {
                _step(copy);
            }
            catch (Exception e)
            {
                // Thrown again where the step was asked for.
                _failures[copy] = e;
            }
            _busy.Signal();
        }
    }
}

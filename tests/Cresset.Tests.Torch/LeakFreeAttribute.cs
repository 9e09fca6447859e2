using System.Reflection;
using TorchSharp;
using Xunit;
using Xunit.v3;

namespace Cresset.Tests.Torch;

/// <summary>
/// Fails a test after which more tensors live on its thread than before. Statistics are per thread: tests must be synchronous.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class LeakFreeAttribute : BeforeAfterTestAttribute
{
    private long _before;
    private int _thread;

    public override void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        _thread = Environment.CurrentManagedThreadId;
        _before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
    }

    public override void After(MethodInfo methodUnderTest, IXunitTest test)
    {
        if (_thread != Environment.CurrentManagedThreadId) return;
        var leaked = DisposeScopeManager.Statistics.ThreadTotalLiveCount - _before;
        Assert.True(leaked <= 0, $"{methodUnderTest.Name} leaves {leaked} tensors alive.");
    }
}

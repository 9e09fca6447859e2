using System.Reflection;
using Xunit;

namespace Cresset.Tests.Managed.Conventions;

/// <summary>
/// The managed libraries promise to be trimmable and ready for compilation ahead of time: the compiler's analyzers then hold every line to
/// it. tests/long/aot.sh publishes them.
/// </summary>
public sealed class TrimmingTests
{
    [Theory]
    [InlineData("Numerics")]
    [InlineData("Detection")]
    [InlineData("Rl")]
    [InlineData("Plots")]
    [InlineData("Runs")]
    public void ManagedLibrariesPromiseToBeTrimmable(string project)
    {
        var promises = Assembly.Load($"Cresset.{project}").GetCustomAttributes<AssemblyMetadataAttribute>()
            .ToDictionary(a => a.Key, a => a.Value);
        Assert.Equal("True", promises.GetValueOrDefault("IsTrimmable"), ignoreCase: true);
        Assert.Equal("True", promises.GetValueOrDefault("IsAotCompatible"), ignoreCase: true);
    }
}

namespace Cresset.Tests.Torch;

public sealed class Smoke
{
    [Xunit.Fact]
    public void Runs() => Xunit.Assert.True(Environment.Version.Major >= 10);
}

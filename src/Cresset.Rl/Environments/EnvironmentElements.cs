namespace Cresset.Rl;

/// <summary>Something to do with an environment whatever its observations and actions are made of.</summary>
internal interface IEnvironmentVisitor<out TResult>
{
    TResult Visit<TObservation, TAction>(IEnvironment<TObservation, TAction> environment)
        where TObservation : unmanaged
        where TAction : unmanaged;
}

/// <summary>The elements that observations and actions of environments consist of.</summary>
internal static class EnvironmentElements
{
    /// <exception cref="ArgumentException">Its elements are none that spaces have.</exception>
    public static TResult Visit<TResult>(IEnvironment environment, IEnvironmentVisitor<TResult> visitor)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return environment switch
        {
            IEnvironment<float, int> e => visitor.Visit(e),
            IEnvironment<float, float> e => visitor.Visit(e),
            IEnvironment<int, int> e => visitor.Visit(e),
            IEnvironment<int, float> e => visitor.Visit(e),
            IEnvironment<float, sbyte> e => visitor.Visit(e),
            IEnvironment<int, sbyte> e => visitor.Visit(e),
            IEnvironment<sbyte, int> e => visitor.Visit(e),
            IEnvironment<sbyte, float> e => visitor.Visit(e),
            IEnvironment<sbyte, sbyte> e => visitor.Visit(e),
            IEnvironment<char, int> e => visitor.Visit(e),
            IEnvironment<char, float> e => visitor.Visit(e),
            _ => throw new ArgumentException(
                $"{environment.Name} is not an environment of observations of float, int, sbyte or char and actions of int, float or "
                    + "sbyte."),
        };
    }

    /// <summary>"observations Box(4) and actions Discrete(2)".</summary>
    public static string Describe(IEnvironment environment) => Visit(environment, new Spaces());

    public static string Word<T>() =>
        typeof(T) == typeof(float) ? "numbers (float)" : typeof(T) == typeof(int) ? "choices (int)" : typeof(T).Name;

    private sealed class Spaces : IEnvironmentVisitor<string>
    {
        public string Visit<TObservation, TAction>(IEnvironment<TObservation, TAction> environment)
            where TObservation : unmanaged
            where TAction : unmanaged
            => $"observations {environment.ObservationSpace} and actions {environment.ActionSpace}";
    }
}

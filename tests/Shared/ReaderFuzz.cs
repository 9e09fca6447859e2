using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Xunit;

namespace Cresset.Tests;

/// <summary>Damages a file in many ways; a reader may take it or refuse it as invalid data, and nothing else.</summary>
internal static class ReaderFuzz
{
    /// <summary>CRESSET_TEST_MUTATIONS makes the run longer.</summary>
    public static int Factor { get; } = Asked("CRESSET_TEST_MUTATIONS") ?? 1;

    /// <summary>
    /// Numbers of the cases: so many, times <see cref="Factor"/>. CRESSET_TEST_CASES asks for a number of its own, and with
    /// CRESSET_TEST_MINUTES the test ends when they are over and says how far it came; the cases are the same either way.
    /// </summary>
    public static IEnumerable<int> Cases(int count, [CallerMemberName] string what = "")
    {
        var (cases, minutes) = (Asked("CRESSET_TEST_CASES") ?? count * Factor, Asked("CRESSET_TEST_MINUTES"));
        var clock = Stopwatch.StartNew();
        var i = 0;
        for (; i < cases && (minutes is null || clock.Elapsed.TotalMinutes < minutes); i++) yield return i;
        if (cases != count)
            Console.Error.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{what}: {i} of {cases} cases in {clock.Elapsed.TotalMinutes:0.0} minutes"));
    }

    public static void Run(byte[] whole, int count, Action<byte[]> read, Type[]? alsoAllowed = null, [CallerMemberName] string what = "")
    {
        var random = new Random(7);
        foreach (var i in Cases(count, what))
        {
            var bytes = Mutate(whole, random);
            try
            {
                read(bytes);
            }
            // Readers of data may also say that a table or array does not fit (this file is shared with tests that know no Cresset.Data).
            catch (Exception e) when (e is InvalidDataException || e.GetType().Name == "DataMismatchException")
            {
            }
            catch (Exception e) when (alsoAllowed?.Contains(e.GetType()) == true)
            {
            }
            catch (Exception e)
            {
                Assert.Fail($"mutation {i}: {e.GetType().Name}: {e.Message}");
            }
        }
    }

    private static int? Asked(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), out var asked) ? asked : null;

    /// <summary>A damaged copy.</summary>
    public static byte[] Mutate(byte[] whole, Random random)
    {
        var bytes = (byte[])whole.Clone();
        switch (random.Next(5))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                var at = random.Next(bytes.Length);
                return [.. bytes[..at], .. Enumerable.Range(0, random.Next(1, 20)).Select(_ => (byte)random.Next(256)), .. bytes[at..]];
            case 2:
                var from = random.Next(bytes.Length);
                return [.. bytes[..from], .. bytes[Math.Min(bytes.Length, from + random.Next(1, 20))..]];
            default:
                // Most formats keep their structure in the first bytes.
                for (var k = random.Next(1, 6); k > 0; k--)
                    bytes[random.Next(2) == 0 ? random.Next(bytes.Length) : random.Next(Math.Min(120, bytes.Length))] =
                        (byte)random.Next(256);
                return bytes;
        }
    }
}

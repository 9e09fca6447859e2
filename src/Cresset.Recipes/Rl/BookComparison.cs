using System.Globalization;
using System.Text;
using Cresset.Numerics;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>A measured figure beside the book's.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Measured">Mean over the repetitions.</param>
/// <param name="StandardError">Its standard error; 0 where nothing is random.</param>
/// <param name="Book">The book's value, or an independent simulator's with the book's settings.</param>
/// <param name="Tolerance">How far they may be apart beside four standard errors.</param>
internal sealed record ComparedFigure(string Name, double Measured, double StandardError, double Book, double Tolerance)
{
    public bool Agrees => Math.Abs(Measured - Book) <= Tolerance + (4 * StandardError);
}

/// <summary>Tells and keeps how measured figures compare with a book's.</summary>
internal static class BookComparison
{
    public const string FileName = "figures.md";

    /// <summary>
    /// Writes figures.md into the run's folder, tells each figure and adds the counts to the metrics; the table, or null without figures.
    /// </summary>
    public static string? Report(JobContext context, IReadOnlyList<ComparedFigure> figures, IDictionary<string, double> metrics)
    {
        if (figures.Count == 0) return null;
        var text = new StringBuilder("| figure | measured | standard error | book | allowed difference | |\n|---|---|---|---|---|---|\n");
        foreach (var f in figures)
        {
            var allowed = f.Tolerance + (4 * f.StandardError);
            text.Append(CultureInfo.InvariantCulture,
                $"| {f.Name} | {f.Measured:G5} | {f.StandardError:G2} | {f.Book:G5} | {allowed:G3} | {(f.Agrees ? "agrees" : "differs")} "
                    + $"|\n");
            context.Progress
                ?.Report(
                    new NoticeReport(
                        string.Create(CultureInfo.InvariantCulture,
                            $"{f.Name}: {f.Measured:G5} ± {f.StandardError:G2}, book {f.Book:G5}: {(f.Agrees ? "agrees" : "differs")}")));
        }
        AtomicFile.WriteText(Path.Combine(context.Folder, FileName), text.ToString());
        metrics["book_figures"] = figures.Count;
        metrics["book_figures_agreeing"] = figures.Count(f => f.Agrees);
        return text.ToString();
    }
}

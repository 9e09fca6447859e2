using System.Globalization;
using System.Text;

namespace Cresset.Detection;

/// <summary>
/// The report as one HTML page: text, tables and SVG, and a few lines of script that sort tables; it needs no outside file.
/// </summary>
internal sealed class ReportHtml(DetectionReport report)
{
    private const int MatrixLimit = 25;
    private readonly StringBuilder _page = new();

    public string Page()
    {
        var title = SvgChart.Text(report.Options.Title);
        _page.Append(
            $"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                + $"content=\"width=device-width,initial-scale=1\"><title>{title}</title><style>{Style}</style></head><body><main><h1>"
                + $"{title}</h1>");
        Summary();
        Errors();
        ErrorImages();
        ClassTable();
        Curves();
        Slices();
        Matrix();
        Scores();
        _page.Append(DetectionPicture.Section(report));
        _page.Append(DetectionPicture.LabelSection(report));
        return _page.Append($"</main><script>{SortScript}</script></body></html>\n").ToString();
    }

    private static string Number(double value)
        => double.IsFinite(value) && value >= 0 ? value.ToString("0.0000", CultureInfo.InvariantCulture) : "\u2013";

    private void Summary()
    {
        var d = report.Dataset;
        _page.Append(CultureInfo.InvariantCulture,
            $"<p class=\"facts\">{d.Images.Count:N0} images, {d.Objects.Length:N0} objects, {report.Results.Items.Length:N0} detections; "
                + $"protocol <b>{DetectionProtocols.NameOf(report.Protocol.Protocol)}</b>, "
                + $"{ReportJson.KindName(report.Options.Protocol.Kind)}.</p>");
        if (d.Source.Length > 0) _page.Append(
            $"<p class=\"facts\">Ground truth <code>{SvgChart.Text(Path.GetFileName(d.Source))}</code>, results "
                + $"<code>{SvgChart.Text(Path.GetFileName(report.Results.Source))}</code>.</p>");
        var intervals = report.Intervals.ToDictionary(i => i.Name);
        _page.Append("<div class=\"row\"><table><thead><tr><th>statistic</th><th class=\"n\">value</th>" + (intervals.Count > 0
            ? "<th class=\"n\">95 % interval</th>" : "") + "</tr></thead><tbody>");
        foreach (var s in report.Protocol.Statistics)
        {
            _page.Append($"<tr><td>{SvgChart.Text(s.Name)}</td><td class=\"n\">{Number(s.Value)}</td>");
            if (intervals.Count > 0) _page.Append(intervals.TryGetValue(s.Name, out var i) && i.Value >= 0
                ? $"<td class=\"n\">{Number(i.Low)} \u2013 {Number(i.High)}</td>" : "<td></td>");
            _page.Append("</tr>");
        }
        _page.Append("</tbody></table>");
        if (MeanCurve() is { } mean0)
        {
            _page.Append("<div>" + SvgChart.Lines("Precision over recall, mean of the classes", "recall", "precision", [mean0]) + "</div>");
        }
        _page.Append("</div>");
        if (report.LocalizationErrors.Count == 0) return;
        var mean = report.LocalizationErrors.Average(l => l.Error);
        _page.Append(CultureInfo.InvariantCulture,
            $"<p class=\"facts\">moLRP {mean:0.0000} at IoU {report.Options.IouThreshold:0.##} (lower is better: places, false and missed "
                + $"objects at the best threshold of each class).</p>");
    }

    /// <summary>The mean of the classes' envelopes at 101 recalls.</summary>
    private SvgLine? MeanCurve()
    {
        const int Points = 101;
        var precision = new double[Points];
        var classes = 0;
        foreach (var c in report.Classes)
        {
            if (!(c.Objects > 0)) continue;
            classes++;
            var (highest, at) = (0.0, c.Curve.Scores.Count - 1);
            for (var r = Points - 1; r >= 0; r--)
            {
                for (; at >= 0 && c.Curve.Recall[at] >= r / (Points - 1.0); at--) highest = Math.Max(highest, c.Curve.Precision[at]);
                precision[r] += highest;
            }
        }
        if (classes == 0) return null;
        var name = string.Create(CultureInfo.InvariantCulture, $"mean of {classes}");
        return new SvgLine(name, [.. Enumerable.Range(0, Points).Select(r => r / (Points - 1.0))], [.. precision.Select(p => p / classes)]);
    }

    private void Curves()
    {
        _page.Append(CultureInfo.InvariantCulture, $"<h2>Precision and recall at IoU {report.Options.IouThreshold:0.##}</h2>");
        var shown = report.Classes.Where(c => c.Objects > 0).OrderByDescending(c => c.Objects).ToArray();
        _page.Append("<div class=\"row\">");
        foreach (var group in shown.Take(24)
            .Chunk(6)) _page.Append(SvgChart.Lines("Precision over recall", "recall", "precision", [.. group.Select(Line)]));
        _page.Append("</div>");
        if (shown.Length > 24)
        {
            _page.Append(CultureInfo.InvariantCulture,
                $"<details><summary>{shown.Length - 24} further classes</summary><div class=\"row\">");
            foreach (var group in shown.Skip(24)
                .Chunk(6)) _page.Append(SvgChart.Lines("Precision over recall", "recall", "precision", [.. group.Select(Line)]));
            _page.Append("</div></details>");
        }
    }

    private static SvgLine Line(ReportClass c)
    {
        var (recall, precision, _) = ReportJson.Thin(c.Curve, 150);
        return new SvgLine(c.Name, recall, precision);
    }

    private void ClassTable()
    {
        var sorted = report.Classes.Where(c => c.Objects > 0).OrderByDescending(c => double.IsNaN(c.Ap) ? -1 : c.Ap).ToArray();
        _page.Append("<h2>Classes</h2><p class=\"facts\">A click on a head sorts.</p>");
        _page.Append(
            "<div class=\"wide\"><table class=\"sortable\"><thead><tr><th>class</th><th class=\"n\">objects</th><th "
                + "class=\"n\">detections</th><th class=\"n\">AP</th><th class=\"n\">AP at IoU</th><th class=\"n\">best F1</th><th "
                + "class=\"n\">threshold</th><th class=\"n\">precision</th><th class=\"n\">recall</th><th class=\"n\">threshold for "
                + "precision 0.9</th></tr></thead><tbody>");
        foreach (var c in report.Classes)
        {
            _page.Append(CultureInfo.InvariantCulture,
                $"<tr><td>{SvgChart.Text(c.Name)}</td><td class=\"n\">{c.Objects}</td><td class=\"n\">{c.Detections}</td><td "
                    + $"class=\"n\">{Number(c.Ap)}</td><td class=\"n\">{Number(c.ApAtIou)}</td>");
            _page.Append(
                $"<td class=\"n\">{Number(c.Best?.FScore ?? double.NaN)}</td><td "
                    + $"class=\"n\">{Number(c.Best?.Threshold ?? double.NaN)}</td><td "
                    + $"class=\"n\">{Number(c.Best?.Precision ?? double.NaN)}</td><td "
                    + $"class=\"n\">{Number(c.Best?.Recall ?? double.NaN)}</td><td "
                    + $"class=\"n\">{Number(c.AtHighPrecision?.Threshold ?? double.NaN)}</td></tr>");
        }
        _page.Append("</tbody></table></div><details><summary>AP of each class as bars</summary>");
        _page.Append(SvgChart.Bars("AP of each class", [.. sorted.Select(c => (c.Name, c.Ap, Number(c.Ap)))], 1)).Append("</details>");
    }

    private void Errors()
    {
        ReportClass[] worst = [.. report.Classes.Where(c => c.Objects > 0 && double.IsFinite(c.Ap)).OrderBy(c => c.Ap).ThenByDescending(c
            => c.Objects).Take(10)];
        _page.Append("<div class=\"row\">");
        ErrorBars();
        if (worst.Length > 0) _page.Append("<div class=\"half\"><h2>Worst classes</h2><p class=\"facts\">AP; in brackets the objects.</p>")
            .Append(SvgChart.Bars("AP of the worst classes",
                [.. worst.Select(c => (c.Name, c.Ap, $"{Number(c.Ap)} ({c.Objects.ToString(CultureInfo.InvariantCulture)})"))], 1))
                .Append("</div>");
        _page.Append("</div>");
    }

    private void ErrorBars()
    {
        if (report.Errors is not { } errors) return;
        _page.Append(
            "<div class=\"half\"><h2>What the errors cost</h2><p class=\"facts\">Gain in AP when all errors of one kind are repaired "
                + "(TIDE)");
        _page.Append(report.ErrorImages.Count == 0 ? "." : "; their images: ");
        _page.AppendJoin(", ", report.ErrorImages.Select(e => $"<a href=\"#error-{e.Kind}\">{e.Kind}</a>")).Append("</p>");
        var bars = errors.Deltas.Select(d
            => (d.Key.ToString(), d.Value, string.Create(CultureInfo.InvariantCulture, $"{d.Value:0.0000} ({errors.Counts[d.Key]})")))
            .ToList();
        bars.Add(("all false positives", errors.FalsePositiveDelta, Number(errors.FalsePositiveDelta)));
        bars.Add(("all false negatives", errors.FalseNegativeDelta, Number(errors.FalseNegativeDelta)));
        _page.Append(SvgChart.Bars("Gain in AP by kind of error", bars, Math.Max(0.01, bars.Max(b => b.Item2)))).Append("</div>");
    }

    private void ErrorImages()
    {
        foreach (var (kind, count, images) in report.ErrorImages)
        {
            if (images.Count == 0) continue;
            _page.Append(CultureInfo.InvariantCulture,
                $"<details id=\"error-{kind}\"><summary>{kind}: {count} at a score of at least {report.MinScore:0.###}, the images with "
                    + $"most</summary><div class=\"row\">");
            foreach (var image in images) _page.Append(DetectionPicture.Figure(image, report));
            _page.Append("</div></details>");
        }
    }

    private void Slices()
    {
        if (report.Slices.Count == 0) return;
        _page.Append(
            "<h2>Slices</h2><table><thead><tr><th>by</th><th>slice</th><th class=\"n\">objects</th><th class=\"n\">AP</th><th "
                + "class=\"n\">AR</th></tr></thead><tbody>");
        foreach (var s in report.Slices) _page.Append(CultureInfo.InvariantCulture,
            $"<tr><td>{s.Group}</td><td>{SvgChart.Text(s.Name)}</td><td class=\"n\">{s.Objects}</td><td class=\"n\">{Number(s.Ap)}</td><td "
                + $"class=\"n\">{Number(s.Ar)}</td></tr>");
        _page.Append("</tbody></table>");
    }

    private void Matrix()
    {
        var m = report.Confusion;
        var n = m.CategoryIds.Count;
        string Name(int i) => i == n ? "background" : m.CategoryNames[i];
        _page.Append(CultureInfo.InvariantCulture,
            $"<h2>Confusion</h2><p>Row: what it is; column: what it was taken for; detections with a score of at least "
                + $"{report.MinScore:0.###}.</p>");
        if (n <= MatrixLimit)
        {
            _page.Append(SvgChart.Heat("Confusion matrix", [.. Enumerable.Range(0, n + 1).Select(Name)], (i, j) => m[i, j]));
            return;
        }
        _page.Append("<table><thead><tr><th>is</th><th>taken for</th><th class=\"n\">times</th></tr></thead><tbody>");
        var worst = Enumerable.Range(0, n).SelectMany(i => Enumerable.Range(0, n).Where(j => j != i).Select(j => (i, j, Count: m[i, j])))
            .Where(x => x.Count > 0).OrderByDescending(x => x.Count).Take(40);
        foreach (var (i, j, count) in worst) _page.Append(CultureInfo.InvariantCulture,
            $"<tr><td>{SvgChart.Text(Name(i))}</td><td>{SvgChart.Text(Name(j))}</td><td class=\"n\">{count}</td></tr>");
        _page.Append("</tbody></table>");
    }

    private void Scores()
    {
        var bins = report.Calibration.Bins.Where(b => b.Count > 0).ToArray();
        if (report.Calibration.IsDefined) _page.Append(CultureInfo.InvariantCulture,
            $"<h2>Scores</h2><p>Expected calibration error {report.Calibration.Expected:0.0000}, largest "
                + $"{report.Calibration.Maximum:0.0000}.</p><div class=\"row\">");
        else _page.Append(
            "<h2>Scores</h2><p>Some scores lie outside 0 to 1, so they are not probabilities, and calibration is not defined.</p><div "
                + "class=\"row\">");
        if (report.Calibration.IsDefined) _page.Append(SvgChart.Lines("Share of hits over score", "mean score", "share of hits",
            [new SvgLine("hits", [.. bins.Select(b => b.Confidence)], [.. bins.Select(b => b.Accuracy)])], diagonal: true));
        var most = report.Classes.Where(c => c.Best is not null).OrderByDescending(c => c.Objects).Take(6);
        _page.Append(SvgChart.Lines("F1 over the score threshold", "score threshold", "F1", [.. most.Select(F1Line)]));
        _page.Append("</div>");
    }

    private static SvgLine F1Line(ReportClass c)
    {
        var (recall, precision, scores) = ReportJson.Thin(c.Curve, 150);
        return new SvgLine(c.Name, scores, [.. recall.Zip(precision, (r, p) => p + r > 0 ? 2 * p * r / (p + r) : 0)]);
    }

    // A link to a folded part opens it.
    private const string SortScript = """
        for(const table of document.querySelectorAll('table.sortable')){
        const heads=[...table.tHead.rows[0].cells];heads.forEach((head,column)=>{head.tabIndex=0;
        const sort=()=>{const up=head.getAttribute('aria-sort')==='descending';
        heads.forEach(h=>h.removeAttribute('aria-sort'));head.setAttribute('aria-sort',up?'ascending':'descending');
        const value=row=>{const text=row.cells[column].textContent,number=parseFloat(text);return Number.isNaN(number)?text:number};
        const rows=[...table.tBodies[0].rows].sort((a,b)=>{const x=value(a),y=value(b);
        const order=typeof x===typeof y?(x>y?1:x===y?0:-1):typeof x==='number'?1:-1;return up?order:-order});
        table.tBodies[0].append(...rows)};
        head.addEventListener('click',sort);head.addEventListener('keydown',e=>{if(e.key==='Enter')sort()})})}
        const open=()=>{const part=document.getElementById(location.hash.slice(1));if(part&&part.tagName==='DETAILS')part.open=true};
        addEventListener('hashchange',open);open();
        """;

    private const string Style = """
        :root{color-scheme:light dark;--ink:#1d2330;--soft:#5b6475;--line:#d8dde6;--ground:#ffffff}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e9f0;--soft:#9aa4b8;--line:#333b4a;--ground:#151922}}
        body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
        main{max-width:1040px;margin:0 auto;padding:24px}
        h1{font-size:26px;margin:0 0 8px}h2{font-size:19px;margin:36px 0 8px}
        .facts{color:var(--soft);margin:2px 0}
        table{border-collapse:collapse;margin:10px 0;font-variant-numeric:tabular-nums}
        th,td{padding:3px 12px 3px 0;border-bottom:1px solid var(--line);text-align:left}
        .n{text-align:right}
        .row{display:flex;flex-wrap:wrap;gap:16px}
        .chart{max-width:100%;height:auto}.chart text{font-size:11px;fill:currentColor}
        .grid{stroke:var(--line)}.hint{stroke:var(--soft);stroke-dasharray:4 4}
        figure{margin:0;width:320px}figure svg{width:100%;height:auto;background:var(--line)}figcaption{color:var(--soft);font-size:13px}
        summary{cursor:pointer}a{color:inherit}.half{flex:1 1 440px;min-width:0}.half h2{margin-top:20px}.wide{overflow-x:auto}
        .sortable th{cursor:pointer}.sortable th[aria-sort]{text-decoration:underline}
        """;
}

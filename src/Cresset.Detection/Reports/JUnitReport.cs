using System.Globalization;
using System.Text;
using System.Xml;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>A score as JUnit XML, which build servers show as tests: one case for each gate, and one for the score itself.</summary>
public static class JUnitReport
{
    /// <summary>Writes the file.</summary>
    public static void Write(string path, ScoreSummary score, IReadOnlyList<GateVerdict> verdicts)
    {
        ArgumentNullException.ThrowIfNull(score);
        ArgumentNullException.ThrowIfNull(verdicts);
        AtomicFile.Write(path, stream =>
        {
            using var xml = XmlWriter.Create(stream,
                new XmlWriterSettings { Indent = true, NewLineChars = "\n", Encoding = new UTF8Encoding(false) });
            var failures = verdicts.Count(v => !v.Passed).ToString(CultureInfo.InvariantCulture);
            var tests = (verdicts.Count + 1).ToString(CultureInfo.InvariantCulture);
            xml.WriteStartElement("testsuites");
            xml.WriteAttributeString("tests", tests);
            xml.WriteAttributeString("failures", failures);
            xml.WriteStartElement("testsuite");
            xml.WriteAttributeString("name", "cresset detect");
            xml.WriteAttributeString("tests", tests);
            xml.WriteAttributeString("failures", failures);
            xml.WriteAttributeString("errors", "0");
            xml.WriteStartElement("properties");
            foreach (var s in score.Statistics)
            {
                xml.WriteStartElement("property");
                xml.WriteAttributeString("name", s.Name);
                xml.WriteAttributeString("value", double.IsNaN(s.Value) ? "not defined"
                    : s.Value.ToString("R", CultureInfo.InvariantCulture));
                xml.WriteEndElement();
            }
            xml.WriteEndElement();
            var suite = $"detect.{score.Protocol}.{score.IouType}";
            Case(xml, suite, "scored");
            xml.WriteEndElement();
            foreach (var v in verdicts)
            {
                Case(xml, suite, Clean(v.Condition));
                if (!v.Passed)
                {
                    xml.WriteStartElement("failure");
                    xml.WriteAttributeString("message", Clean(v.Finding));
                    xml.WriteString(Clean($"{v.Condition} is needed: {v.Finding}."));
                    xml.WriteEndElement();
                }
                xml.WriteEndElement();
            }
            xml.WriteEndElement();
            xml.WriteEndElement();
        });
    }

    private static void Case(XmlWriter xml, string suite, string name)
    {
        xml.WriteStartElement("testcase");
        xml.WriteAttributeString("classname", suite);
        xml.WriteAttributeString("name", name);
    }

    /// <summary>Class names come from files and may hold what XML cannot.</summary>
    private static string Clean(string text)
        => string.Concat(text.EnumerateRunes().Select(r => r.IsBmp && !XmlConvert.IsXmlChar((char)r.Value) ? "\uFFFD" : r.ToString()));
}

using System.Text;
using Cresset.Data;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Data;

[LeakFree]
public sealed class CsvTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-csv-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void NumbersClassesAndMissingValuesKeepTheirPlaces()
    {
        using var scope = NewDisposeScope();
        var table = Read("label,x,y,kind\n1,2.5,-3,b\n4,5e-1,NA,a\n7,?,6,\n");
        Assert.Equal(["label", "x", "y", "kind"], table.Columns.Select(c => c.Name));
        Assert.Equal([2.5, 0.5, double.NaN], table["x"].Numbers!);
        Assert.Equal([1, 0, -1], table["kind"].Codes!);
        Assert.Equal(["a", "b"], table["kind"].Levels);
        Assert.Equal((1, 1, 1), (table["x"].Missing, table["y"].Missing, table["kind"].Missing));
        Assert.Equal([1f, 2.5f, 4f, 0.5f], table.ToTensor("label", "x").narrow(0, 0, 2).data<float>().ToArray());
        Assert.Contains("Did you mean 'label'?", Assert.Throws<ArgumentException>(() => table.ToTensor("labell")).Message,
            StringComparison.Ordinal);
        Assert.Contains("holds classes", Assert.Throws<ArgumentException>(() => table.ToTensor("kind")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?,1\n2,3\n4,5\n")]
    [InlineData("NA,1\n2,3\n4,5\n")]
    [InlineData(",1\n2,3\n4,5\n")]
    [InlineData("1,2\n2,3\n4,5\n")]
    public void ARowOfNumbersAndMissingValuesIsARowAndIsSaid(string text)
    {
        var table = Read(text);
        Assert.Equal(3, table.Rows);
        Assert.Equal(["c0", "c1"], table.Columns.Select(c => c.Name));
        Assert.Contains(table.Notes, n => n.Contains("taken for a row", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("0,1,label\n0.5,2,cat\n0.1,3,dog\n")]
    [InlineData("cat,dog\nbird,fish\n")]
    [InlineData("1,cat\n2,dog\n")]
    public void WhatMayBeEitherIsRefusedUntilItIsSaid(string text)
    {
        Assert.Contains("Say header: present or header: absent", Assert.Throws<DataMismatchException>(() => Read(text)).Message,
            StringComparison.Ordinal);
        var lines = text.Count(c => c == '\n');
        Assert.Equal(lines - 1, Read(text, new CsvOptions { Header = CsvHeader.Present }).Rows);
        Assert.Equal(lines, Read(text, new CsvOptions { Header = CsvHeader.Absent }).Rows);
    }

    [Fact]
    public void RepeatedTextsAreRowsAndANamedColumnIsAHeader()
    {
        Assert.Equal(3, Read("cat,x\ncat,y\ndog,x\n").Rows);
        Assert.Equal(2, Read("file,label\na.png,cat\nb.png,dog\n", null, new() { ["label"] = ColumnKind.Class }).Rows);
    }

    [Fact]
    public void QuotesFollowRfc4180()
    {
        var table = Read("name,\"a \"\"b\"\", c\"\r\n\"x, y\",1\r\n\"two\nlines\",2\r\n");
        Assert.Equal(["name", "a \"b\", c"], table.Columns.Select(c => c.Name));
        Assert.Equal(["two\nlines", "x, y"], table["name"].Levels);
        Assert.Equal([1.0, 2], table.Columns[1].Numbers!);
        foreach (var bad in new[] { "a,b\n1,\"x\n2,y\n", "a,b\n1,\"x\"y\n", "a,b\n1,x\"y\n" })
            Assert.Contains("RFC 4180", Assert.Throws<InvalidDataException>(() => Read(bad)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a;b\n1;2\n")]
    [InlineData("a\tb\n1\t2\n")]
    [InlineData("a|b\n1|2\n")]
    [InlineData("\ufeffa,b\r\n1,2\r\n\r\n")]
    public void SeparatorsAndByteOrderMarksAreFound(string text)
    {
        var table = Read(text);
        Assert.Equal(["a", "b"], table.Columns.Select(c => c.Name));
        Assert.Equal([2.0], table["b"].Numbers!);
    }

    [Theory]
    [InlineData("1\u00a0000")]
    [InlineData("1\u202f000,5")]
    [InlineData("7\u00a0")]
    [InlineData("1\u2019000")]
    [InlineData("\u22125")]
    [InlineData("5 %")]
    [InlineData("$5")]
    [InlineData("\u0663")]
    public void ANumberInAnotherNotationIsNoClass(string cell)
    {
        var refused = Assert.Throws<DataMismatchException>(() => Read($"a\tb\n{cell}\t2\n"));
        Assert.Contains("another notation", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WholeNumbersThatLoseDigitsAreNoted()
    {
        var table = Read("id,b\n9007199254740992,1\n9007199254740993,2\n");
        Assert.Contains("line 3, column 'id': 9007199254740993", Assert.Single(table.Notes), StringComparison.Ordinal);
        Assert.Empty(Read("id,b\n9007199254740994,1\n1e300,2\n").Notes);
        Assert.Throws<DataMismatchException>(() => Read("a,b\n1e300,1\n").ToTensor("a"));
    }

    [Theory]
    [InlineData("PK\u0003\u0004xx", "spreadsheets")]
    [InlineData("\u001f\u008b\u0008x", "gzip")]
    public void AnArchiveIsNoTable(string bytes, string what)
    {
        var path = Path.Combine(_folder, "archive.csv");
        File.WriteAllBytes(path, System.Text.Encoding.Latin1.GetBytes(bytes));
        Assert.Contains(what, Assert.Throws<InvalidDataException>(() => CsvTable.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DecimalCommasAreReadOnlyWhenStated()
    {
        const string Text = "a;b\n1,5;2\n2,5;3\n";
        Assert.Contains("Say decimal: comma",
            Assert.Throws<DataMismatchException>(() => Read(Text, new CsvOptions { Separator = "semicolon" })).Message,
            StringComparison.Ordinal);
        Assert.Equal([1.5, 2.5], Read(Text, new CsvOptions { Separator = "semicolon", Decimal = DecimalMark.Comma })["a"].Numbers!);
        Assert.Contains("group separators", Assert.Throws<DataMismatchException>(() => Read("a\tb\n1,234\t2\n")).Message,
            StringComparison.Ordinal);
        Assert.Contains("both cut every line", Assert.Throws<DataMismatchException>(() => Read("1,5;2\n2,5;3\n")).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a,b\n1,2\n3,x\n", "line 3, column 'b': 'x' is not a number, while line 2 has 2")]
    [InlineData("a,b\n1,2\n3\n", "line 3: 1 cells; line 1 has 2")]
    [InlineData("a,b\n1,2\n3,1e999\n", "line 3, column 'b': '1e999' is not a finite number")]
    [InlineData("a,a\n1,2\n", "stands 2 times")]
    [InlineData("a,b\n", "no rows")]
    [InlineData("", "no rows")]
    public void BadTablesNameLineAndColumn(string text, string fault)
    {
        var error = Assert.ThrowsAny<SystemException>(
            () => Read(text, fault.Contains("times", StringComparison.Ordinal) ? new CsvOptions { Header = CsvHeader.Present } : null));
        Assert.Contains(fault, error.Message, StringComparison.Ordinal);
        Assert.Contains("t.csv", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OtherEncodingsAreRefusedUntilTheyAreSaid()
    {
        var path = Path.Combine(_folder, "t.csv");
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes("größe,b\n1,2\n"));
        Assert.Contains("encoding: latin1", Assert.Throws<InvalidDataException>(() => CsvTable.Read(path)).Message,
            StringComparison.Ordinal);
        Assert.Equal("größe", CsvTable.Read(path, new CsvOptions { Encoding = "latin1" }).Columns[0].Name);
        File.WriteAllText(path, "größe,b\n1,2\n", Encoding.Unicode);
        Assert.Equal("größe", CsvTable.Read(path).Columns[0].Name);
    }

    [Fact]
    public void MutatedTablesAreReadOrRefusedAsInvalidData()
    {
        var whole = Encoding.UTF8.GetBytes("name,x,\"y z\"\ncat,1.5,\"2\"\n\"dog, old\",NA,3e4\nbird,-7,\"a \"\"b\"\"\"\n");
        var path = Path.Combine(_folder, "m.csv");
        ReaderFuzz.Run(whole, 1000, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            CsvTable.Read(path);
        });
    }

    private CsvTable Read(string text, CsvOptions? options = null, Dictionary<string, ColumnKind>? kinds = null)
    {
        var path = Path.Combine(_folder, "t.csv");
        File.WriteAllText(path, text);
        return CsvTable.Read(path, options, kinds);
    }
}

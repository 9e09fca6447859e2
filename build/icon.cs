#:package SkiaSharp
#:package SkiaSharp.NativeAssets.Linux.NoDependencies
#:property PublishAot=false
// Draws the packages' icon, a torch in its iron basket: dotnet run build/icon.cs build/icon.png
using SkiaSharp;

const int Side = 256;
using var surface = SKSurface.Create(new SKImageInfo(Side, Side, SKColorType.Rgba8888, SKAlphaType.Premul));
var canvas = surface.Canvas;
canvas.Clear(SKColors.Transparent);

using var ground = new SKPaint { IsAntialias = true, Shader = Blend(new SKPoint(0, 0), new SKPoint(0, Side), 0xFF1B2433, 0xFF0E141E) };
canvas.DrawRoundRect(new SKRect(4, 4, Side - 4, Side - 4), 52, 52, ground);

// Light around the flame.
using var glow = new SKPaint { IsAntialias = true,
    Shader =
        SKShader.CreateRadialGradient(new SKPoint(128, 104), 112, [new SKColor(0x66FF9A3C), new SKColor(0x00FF9A3C)],
            SKShaderTileMode.Clamp) };
canvas.DrawCircle(128, 104, 112, glow);

Flame("M128 24 C 150 62 184 78 176 124 C 171 152 150 164 128 164 C 106 164 85 152 80 124 C 76 98 96 86 100 66 C 108 78 114 84 116 92 C 126 "
    + "74 132 52 128 24 Z", 0xFFFFB347, 0xFFF2542D);
Flame("M130 84 C 138 102 156 108 152 134 C 149 152 140 160 128 160 C 116 160 107 152 104 136 C 102 120 114 114 116 104 C 120 110 122 112 "
    + "124 116 C 129 106 132 96 130 84 Z", 0xFFFFF3C4, 0xFFFFC247);

// The basket: rim, three bands, staves that meet in the shaft.
using var iron = new SKPaint { IsAntialias = true, Style = SKPaintStyle.Stroke, StrokeWidth = 9, StrokeCap = SKStrokeCap.Round,
    StrokeJoin = SKStrokeJoin.Round, Color = new SKColor(0xFFD8DEE9) };
foreach (var stave in new[] { "M64 128 C 66 168 92 192 128 196", "M192 128 C 190 168 164 192 128 196", "M102 134 C 104 164 112 184 128 196",
    "M154 134 C 152 164 144 184 128 196" }) Draw(stave);
Draw("M64 128 C 84 142 172 142 192 128");
Draw("M74 162 C 96 174 160 174 182 162");
iron.StrokeWidth = 15;
Draw("M128 198 L 128 232");

using var picture = surface.Snapshot();
using var data = picture.Encode(SKEncodedImageFormat.Png, 100);
File.WriteAllBytes(args is [var path] ? path : "icon.png", data.ToArray());

void Draw(string path)
{
    using var line = SKPath.ParseSvgPathData(path);
    canvas.DrawPath(line, iron);
}

void Flame(string path, uint top, uint bottom)
{
    using var outline = SKPath.ParseSvgPathData(path);
    using var paint = new SKPaint { IsAntialias = true, Shader = Blend(new SKPoint(128, 24), new SKPoint(128, 164), top, bottom) };
    canvas.DrawPath(outline, paint);
}

static SKShader Blend(SKPoint from, SKPoint to, uint first, uint second) =>
    SKShader.CreateLinearGradient(from, to, [new SKColor(first), new SKColor(second)], SKShaderTileMode.Clamp);

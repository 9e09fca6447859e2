using System.Globalization;

namespace Cresset.Rl;

/// <summary>Pictures of the classic-control environments.</summary>
internal static class ClassicControlPictures
{
    private static readonly Rgb White = new(255, 255, 255);
    private static readonly Rgb Ink = new(20, 20, 20);
    private static readonly Rgb Wood = new(202, 152, 101);
    private static readonly Rgb Axle = new(129, 132, 203);
    private static readonly Rgb Steel = new(70, 110, 180);
    private static readonly Rgb Signal = new(204, 77, 77);
    private static readonly Rgb Flag = new(60, 160, 80);

    public static RgbImage CartPole(in CartPoleState state)
    {
        var canvas = new Canvas(new RgbImage(600, 400, White));
        const double Scale = 600 / (CartPoleDynamics.PositionLimit * 2), Track = 300;
        var x = 300 + (state.Position * Scale);
        canvas.FillRectangle(0, Track, 600, 1.5, Ink);
        canvas.FillRectangle(x - 25, Track - 15, 50, 30, Ink);
        var (sin, cos) = Math.SinCos(state.Angle);
        var top = Track - 7.5;
        canvas.Line(x, top, x + (Scale * sin), top - (Scale * cos), Wood, 10);
        canvas.FillCircle(x, top, 5, Axle);
        return canvas.Image;
    }

    public static string CartPoleText(in CartPoleState state)
    {
        const int Width = 61, Middle = Width / 2;
        var rows = Rows(7, Width);
        var cart = Math.Clamp(Middle + (int)Math.Round(state.Position / CartPoleDynamics.PositionLimit * Middle), 2, Width - 3);
        for (var i = 1; i <= 4; i++) Put(rows, cart + (int)Math.Round(2 * i * Math.Tan(state.Angle)), 4 - i, '|');
        for (var i = -2; i <= 2; i++) Put(rows, cart + i, 4, '#');
        for (var i = 0; i < Width; i++) Put(rows, i, 5, '=');
        return Join(rows)
            + string.Create(CultureInfo.InvariantCulture,
                $"\nx {state.Position:0.000}  v {state.Velocity:0.000}  angle {state.Angle:0.000}  w {state.AngularVelocity:0.000}\n");
    }

    public static RgbImage MountainCar(double position, double goal)
    {
        var canvas = new Canvas(new RgbImage(600, 400, White));
        const double Scale = 600 / 1.8;
        static double Height(double x) => 400 - (((Math.Sin(3 * x) * 0.45) + 0.55) * Scale);
        for (var i = 0; i < 600; i += 5) canvas.Line(i, Height(-1.2 + (i / Scale)), i + 5, Height(-1.2 + ((i + 5) / Scale)), Ink, 1.5);
        var slope = Math.Cos(3 * position);
        var (x, y) = ((position + 1.2) * Scale, Height(position) - 10);
        var (sin, cos) = Math.SinCos(-Math.Atan(slope * 1.35));
        (double, double) At(double dx, double dy) => (x + (dx * cos) - (dy * sin), y + (dx * sin) + (dy * cos));
        canvas.FillPolygon([At(-20, -18), At(20, -18), At(20, 2), At(-20, 2)], Ink);
        var (lx, ly) = At(-10, 4);
        var (rx, ry) = At(10, 4);
        canvas.FillCircle(lx, ly, 8, Axle);
        canvas.FillCircle(rx, ry, 8, Axle);
        var flag = (goal + 1.2) * Scale;
        canvas.Line(flag, Height(goal), flag, Height(goal) - 50, Ink, 1.5);
        canvas.FillPolygon([(flag, Height(goal) - 50), (flag, Height(goal) - 40), (flag + 25, Height(goal) - 45)], Flag);
        return canvas.Image;
    }

    public static string MountainCarText(double position, double velocity, double goal)
    {
        const int Width = 61, Lines = 11;
        var rows = Rows(Lines, Width);
        static int Row(double x) => (int)Math.Round((1 - ((Math.Sin(3 * x) + 1) / 2)) * (Lines - 2)) + 1;
        for (var i = 0; i < Width; i++) Put(rows, i, Row(-1.2 + (1.8 * i / (Width - 1))), '.');
        Put(rows, (int)Math.Round((goal + 1.2) / 1.8 * (Width - 1)), Row(goal) - 1, 'P');
        Put(rows, (int)Math.Round((position + 1.2) / 1.8 * (Width - 1)), Row(position), 'O');
        return Join(rows) + string.Create(CultureInfo.InvariantCulture, $"\nposition {position:0.000}  velocity {velocity:0.0000}\n");
    }

    public static RgbImage Acrobot(double angle1, double angle2)
    {
        var canvas = new Canvas(new RgbImage(500, 500, White));
        const double Scale = 500 / 4.4;
        var (x1, y1) = (250 + (Scale * Math.Sin(angle1)), 250 + (Scale * Math.Cos(angle1)));
        var (x2, y2) = (x1 + (Scale * Math.Sin(angle1 + angle2)), y1 + (Scale * Math.Cos(angle1 + angle2)));
        canvas.Line(0, 250 - Scale, 500, 250 - Scale, Ink, 1.5);
        canvas.Line(250, 250, x1, y1, Steel, 18);
        canvas.Line(x1, y1, x2, y2, Steel, 18);
        canvas.FillCircle(250, 250, 11, Wood);
        canvas.FillCircle(x1, y1, 11, Wood);
        return canvas.Image;
    }

    public static string AcrobotText(double angle1, double angle2, double velocity1, double velocity2)
    {
        var rows = Rows(13, 37);
        for (var i = 0; i < 37; i++) Put(rows, i, 3, '-');
        var (x1, y1) = (Math.Sin(angle1), Math.Cos(angle1));
        for (var i = 0; i <= 6; i++)
        {
            Put(rows, 18 + (int)Math.Round(x1 * i), 6 + (int)Math.Round(y1 * i / 2.0), 'o');
            var (x2, y2) = ((6 * x1) + (i * Math.Sin(angle1 + angle2)), (3 * y1) + (i / 2.0 * Math.Cos(angle1 + angle2)));
            Put(rows, 18 + (int)Math.Round(x2), 6 + (int)Math.Round(y2), '*');
        }
        return Join(rows)
            + string.Create(CultureInfo.InvariantCulture,
                $"\nangles {angle1:0.000} {angle2:0.000}  velocities {velocity1:0.000} {velocity2:0.000}\n");
    }

    public static RgbImage Pendulum(double angle, float torque)
    {
        var canvas = new Canvas(new RgbImage(500, 500, White));
        const double Length = 500 / 4.4;
        var (x, y) = (250 + (Length * Math.Sin(angle)), 250 - (Length * Math.Cos(angle)));
        canvas.Line(250, 250, x, y, Signal, 22);
        canvas.FillCircle(x, y, 11, Signal);
        canvas.FillCircle(250, 250, 7, Ink);
        canvas.FillRectangle(250, 470, torque * 50, 10, Steel);
        return canvas.Image;
    }

    public static string PendulumText(double angle, double velocity)
    {
        var rows = Rows(11, 31);
        for (var i = 1; i <= 10; i++)
            Put(rows, 15 + (int)Math.Round(Math.Sin(angle) * i), 5 - (int)Math.Round(Math.Cos(angle) * i / 2.0), i == 10 ? 'O' : '*');
        Put(rows, 15, 5, '+');
        return Join(rows) + string.Create(CultureInfo.InvariantCulture, $"\nangle {angle:0.000}  velocity {velocity:0.000}\n");
    }

    private static char[][] Rows(int count, int width) =>
        [.. Enumerable.Range(0, count).Select(_ => Enumerable.Repeat(' ', width).ToArray())];

    private static void Put(char[][] rows, int x, int y, char character)
    {
        if ((uint)y < (uint)rows.Length && (uint)x < (uint)rows[y].Length) rows[y][x] = character;
    }

    private static string Join(char[][] rows) => string.Join('\n', rows.Select(r => new string(r).TrimEnd()));
}

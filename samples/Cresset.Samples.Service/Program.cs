using Cresset.Data;
using Cresset.Recipes;

// A web service that answers with a trained model: Cresset.Samples.Service RUN [--urls http://127.0.0.1:5000]
//   curl --data-binary @seven.png http://127.0.0.1:5000/picture
//   curl --json '{"area": 120, "heating": "gas"}' http://127.0.0.1:5000/row
if (args.Length == 0)
{
    Console.Error.WriteLine("usage: Cresset.Samples.Service RUN [--urls URL]; RUN is a run's folder or its model.safetensors.");
    return 2;
}
using var model = TrainedModel.Open(args[0]);
var builder = WebApplication.CreateSlimBuilder(args[1..]);
builder.WebHost.ConfigureKestrel(server => server.Limits.MaxRequestBodySize = 20 << 20);
// Each request computes on its own core: threads inside an answer would only wait for one another.
TorchSharp.torch.set_num_threads(1);
var app = builder.Build();
app.MapGet("/", () => new { model.Job, Classes = model.Facts.Classes, Columns = model.Facts.Table?.Columns.Select(c => c.Name) });
app.MapPost("/picture", async (HttpRequest request) =>
{
    using var body = new MemoryStream();
    await request.Body.CopyToAsync(body, request.HttpContext.RequestAborted).ConfigureAwait(false);
    return Answer(() => model.PredictPicture(body.ToArray(), "upload"));
});
app.MapPost("/row", (Dictionary<string, object?> row) => Answer(() => model.PredictRow(row)));
app.Run();
return 0;

// What does not fit the model is the caller's mistake, and the message says which.
static IResult Answer(Func<Prediction> predict)
{
    try
    {
        var answer = predict();
        return answer.Picture is { } picture ? Results.Bytes(picture, "image/png") : Results.Json(answer);
    }
    catch (Exception e) when (e is InvalidDataException or DataMismatchException)
    {
        return Results.BadRequest(new { error = e.Message });
    }
}

// GLUONSERVE_KEY=gsk_... mono Predict.exe row.json
// .NET 6 or later; with Mono: mcs -r:System.Net.Http,System.Runtime.Serialization,System.Xml.Linq Predict.cs

using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Threading.Tasks;
using System.Xml;
using System.Xml.Linq;

static class Program
{
    const int Attempts = 3;
    static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);
    static readonly HttpClient Client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };

    /// <summary>Ask for the prediction of one row, given in JSON.</summary>
    static async Task<XElement> Predict(string row)
    {
        for (var attempt = 1; ; attempt++)
        {
            using (var response = await Send("{\"data\": [" + row + "]}"))
            {
                var answer = ReadJson(await response.Content.ReadAsByteArrayAsync());
                if (response.IsSuccessStatusCode)
                    return answer;
                var status = (int)response.StatusCode;
                var wait = response.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(1);
                if (status != 429 && status != 503 || attempt == Attempts || wait > LongestWait)
                    throw new HttpRequestException(Describe(status, answer));
                await Task.Delay(wait);
            }
        }
    }

    static Task<HttpResponseMessage> Send(string body)
    {
        var url = Environment.GetEnvironmentVariable("GLUONSERVE_URL") ?? "http://127.0.0.1:8000";
        var request = new HttpRequestMessage(HttpMethod.Post, url + "/predict")
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("X-API-Key", Environment.GetEnvironmentVariable("GLUONSERVE_KEY"));
        return Client.SendAsync(request);
    }

    /// <summary>JSON as elements, in Mono as well as in .NET; what is not JSON comes from between here and gluonserve.</summary>
    static XElement ReadJson(byte[] body)
    {
        try
        {
            using (var reader = JsonReaderWriterFactory.CreateJsonReader(body, XmlDictionaryReaderQuotas.Max))
                return XElement.Load(reader);
        }
        catch (XmlException)
        {
            return new XElement("root");
        }
    }

    /// <summary>One line of a refusal, and one for each value that does not fit.</summary>
    static string Describe(int status, XElement problem)
    {
        var line = $"{(string)problem.Element("error") ?? "error"}: {(string)problem.Element("detail")}"
            + $" ({status}, request {(string)problem.Element("request_id") ?? "unknown"})";
        var faults = problem.Elements("errors").Elements()
            .Select(fault => $"\n  {(string)fault.Element("field") ?? "row"}: {(string)fault.Element("message")}");
        return line + string.Concat(faults);
    }

    /// <summary>The member of an object; names that XML does not allow stand in an attribute.</summary>
    static XElement Find(XElement element, string name) =>
        element.Elements().First(member => ((string)member.Attribute("item") ?? member.Name.LocalName) == name);

    static async Task<int> Run(string path)
    {
        try
        {
            var answer = await Predict(File.ReadAllText(path));
            var prediction = answer.Element("predictions").Elements().First().Value;
            var probability = (double)Find(answer.Element("probabilities").Elements().First(), prediction);
            Console.WriteLine(string.Format(CultureInfo.InvariantCulture,
                "prediction {0}, probability {1:0.0000}", prediction, probability));
            return 0;
        }
        catch (Exception refusal) when (refusal is HttpRequestException || refusal is TaskCanceledException)
        {
            Console.Error.WriteLine(refusal.Message);
            return 1;
        }
    }

    static int Main(string[] arguments) => Run(arguments[0]).GetAwaiter().GetResult();
}

// GLUONSERVE_KEY=gsk_... java Predict.java row.json
// Java 17 or later. The JDK reads no JSON, so the answer is asked for as CSV; with Jackson at hand, ask for JSON.

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Predict {
    private static final int ATTEMPTS = 3;
    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    private static final long LONGEST_WAIT_SECONDS = 5;

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(TIMEOUT).build();
    private final URI address;
    private final String key;

    Predict(String url, String key) {
        this.address = URI.create(url + "/predict");
        this.key = key;
    }

    /** Ask for the predictions of rows, given as a list in JSON; they come as the lines of a CSV with a header. */
    List<String> predict(String rows) throws IOException, InterruptedException {
        for (int attempt = 1; ; attempt++) {
            HttpResponse<String> response = send("{\"data\": " + rows + "}");
            int status = response.statusCode();
            if (status == 200) {
                return response.body().lines().toList();
            }
            long wait = response.headers().firstValueAsLong("Retry-After").orElse(1);
            if (status != 429 && status != 503 || attempt == ATTEMPTS || wait > LONGEST_WAIT_SECONDS) {
                throw new IOException(describe(status, response.body()));
            }
            Thread.sleep(Duration.ofSeconds(wait).toMillis());
        }
    }

    private HttpResponse<String> send(String body) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(address)
                .timeout(TIMEOUT)
                .header("Content-Type", "application/json")
                .header("Accept", "text/csv")
                .header("X-API-Key", key)
                .POST(BodyPublishers.ofString(body))
                .build();
        return client.send(request, BodyHandlers.ofString());
    }

    /** One line of a refusal, and one for each value that does not fit. */
    private static String describe(int status, String problem) {
        String line = "%s: %s (%d, request %s)"
                .formatted(find("error", problem), find("detail", problem), status, find("request_id", problem));
        StringBuilder lines = new StringBuilder(line);
        Matcher fault = Pattern.compile("\\{[^{}]*\"message\"[^{}]*}").matcher(problem);
        while (fault.find()) {
            lines.append("\n  ").append(find("field", fault.group())).append(": ").append(find("message", fault.group()));
        }
        return lines.toString();
    }

    private static String find(String name, String json) {
        Matcher member = Pattern.compile("\"" + name + "\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
        return member.find() ? member.group(1).replaceAll("\\\\(.)", "$1") : "unknown";
    }

    public static void main(String[] arguments) throws InterruptedException {
        String url = Objects.requireNonNullElse(System.getenv("GLUONSERVE_URL"), "http://127.0.0.1:8000");
        try {
            String row = Files.readString(Path.of(arguments[0]));
            List<String> lines = new Predict(url, System.getenv("GLUONSERVE_KEY")).predict("[" + row + "]");
            List<String> columns = List.of(lines.get(0).split(","));
            String[] values = lines.get(1).split(",");
            String prediction = values[columns.indexOf("prediction")];
            double probability = Double.parseDouble(values[columns.indexOf("probability_" + prediction)]);
            System.out.printf(Locale.ROOT, "prediction %s, probability %.4f%n", prediction, probability);
        } catch (IOException refusal) {
            System.err.println(Objects.requireNonNullElse(refusal.getMessage(), "no answer from " + url));
            System.exit(1);
        }
    }
}

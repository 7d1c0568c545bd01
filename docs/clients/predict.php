<?php
// GLUONSERVE_KEY=gsk_... php predict.php row.json
// PHP 8.1 or later, without extensions.

declare(strict_types=1);

const ATTEMPTS = 3;
const TIMEOUT_SECONDS = 5;
const LONGEST_WAIT_SECONDS = 5;

/** Ask for the prediction of one row. */
function predict(array $row): array
{
    $body = json_encode(['data' => [$row]], JSON_THROW_ON_ERROR);
    for ($attempt = 1; ; $attempt++) {
        [$status, $headers, $answer] = send($body);
        if ($status === 200) {
            return $answer;
        }
        $wait = (int) ($headers['retry-after'] ?? 1);
        if (!in_array($status, [429, 503], true) || $attempt === ATTEMPTS || $wait > LONGEST_WAIT_SECONDS) {
            throw new RuntimeException(describe($status, $answer));
        }
        sleep($wait);
    }
}

/** Send a request once: status, headers by their names in small letters, and the JSON of the answer. */
function send(string $body): array
{
    $url = (getenv('GLUONSERVE_URL') ?: 'http://127.0.0.1:8000') . '/predict';
    $stream = @fopen($url, 'r', false, stream_context_create(['http' => [
        'method' => 'POST',
        'header' => ['Content-Type: application/json', 'X-API-Key: ' . getenv('GLUONSERVE_KEY')],
        'content' => $body,
        'timeout' => TIMEOUT_SECONDS,
        'follow_location' => 0,
        'ignore_errors' => true, // Refusals have a body that says why.
    ]]));
    if ($stream === false) {
        throw new RuntimeException("no answer from $url");
    }
    $text = stream_get_contents($stream);
    $lines = stream_get_meta_data($stream)['wrapper_data'];
    $status = (int) explode(' ', array_shift($lines))[1];
    $headers = [];
    foreach ($lines as $line) {
        [$name, $value] = explode(':', $line, 2);
        $headers[strtolower($name)] = trim($value);
    }
    // What is not JSON comes from something between here and gluonserve.
    return [$status, $headers, json_decode($text, true) ?? []];
}

/** One line of a refusal, and one for each value that does not fit. */
function describe(int $status, array $problem): string
{
    $lines = [sprintf('%s: %s (%d, request %s)', $problem['error'] ?? 'error', $problem['detail'] ?? '', $status,
        $problem['request_id'] ?? 'unknown')];
    foreach ($problem['errors'] ?? [] as $fault) {
        $lines[] = sprintf('  %s: %s', $fault['field'] ?? 'row', $fault['message']);
    }
    return implode("\n", $lines);
}

try {
    $row = json_decode(file_get_contents($argv[1]), true, flags: JSON_THROW_ON_ERROR);
    $answer = predict($row);
    $prediction = $answer['predictions'][0];
    printf("prediction %s, probability %.4f\n", $prediction, $answer['probabilities'][0][$prediction]);
} catch (RuntimeException | JsonException $refusal) {
    fwrite(STDERR, $refusal->getMessage() . "\n");
    exit(1);
}

#!/bin/sh
# GLUONSERVE_KEY=gsk_... sh predict.sh row.json
# curl 7.76 or later. The answer is asked for as CSV, which awk reads.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '{"data": [%s]}' "$(cat "$1")" >"$work/request"

# 429 and 503 are tried again after as many seconds as Retry-After says, unless all would take longer than 5.
# The key is read from a file: what stands on a command line is seen by everybody on the machine.
curl --config - --silent --show-error --fail-with-body \
    --max-time 5 --retry 2 --retry-max-time 5 \
    --header 'Content-Type: application/json' --header 'Accept: text/csv' \
    --data-binary "@$work/request" --output "$work/answer" \
    "${GLUONSERVE_URL:-http://127.0.0.1:8000}/predict" <<END || { cat "$work/answer" >&2; echo >&2; exit 1; }
header = "X-API-Key: $GLUONSERVE_KEY"
END

awk -F, '
    { sub(/\r$/, "") }
    NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
    NR == 2 { printf "prediction %s, probability %.4f\n", $2, $column["probability_" $2] }
' "$work/answer"

#!/bin/sh
# What @NAME@ promises: sh tests/test.sh
. "$(dirname "$0")/start.sh"

# request METHOD PATH [JSON]: prints body and status.
request()
{
    ask -X "$1" -w ' %{http_code}' ${3:+-H 'Content-Type: application/json' -d "$3"} "$url$2"
}

onions='{"title":"The Book of Onions","year":1995}'
check 'no book yet' '{} 200' "$(request GET /books)"
check 'a book is kept' "$onions 200" "$(request PUT /books/978-0135974445 "$onions")"
check 'and shown' "$onions 200" "$(request GET /books/978-0135974445)"
check 'and listed' "{\"978-0135974445\":$onions} 200" "$(request GET /books)"
check 'another is not there' '*no such book* 404' "$(request GET /books/978-0000000000)"
check 'a title is needed' '*title: expected*got nothing* 422' "$(request PUT /books/978-0135974445 '{"year": 1995}')"
check 'a year is a number' '*year*integer* 422' "$(request PUT /books/978-0135974445 '{"title": "Onions", "year": "long ago"}')"
check 'a year is needed' '*year: expected*got nothing* 422' "$(request PUT /books/978-0135974445 '{"title": "Onions"}')"
check 'and nothing else' '*nothing else* 422' "$(request PUT /books/978-0135974445 '{"title": "Onions", "year": 1995, "colour": "red"}')"
check 'an ISBN is long enough' '*isbn* 400' "$(request PUT /books/1 "$onions")"
check 'JSON is JSON' '*line 1* 400' "$(request PUT /books/978-0135974445 '{"title": ')"

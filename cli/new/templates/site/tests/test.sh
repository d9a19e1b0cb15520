#!/bin/sh
# What @NAME@ promises: sh tests/test.sh
. "$(dirname "$0")/start.sh"

head() { ask -o /dev/null -D - "$@"; }

check 'a page' '*<h1>*' "$(ask "$url/")"
check 'a page without its extension' '*<h1>About*' "$(ask "$url/about")"
check 'its own page for what is not there' '*There is no such page* 404' "$(ask -w ' %{http_code}' "$url/nowhere")"
check 'nothing outside public/' '*There is no such page* 404' "$(ask --path-as-is -w ' %{http_code}' "$url/../Makefile")"
check 'compressed for those who like it' '*[Cc]ontent-[Ee]ncoding: gzip*' "$(head -H 'Accept-Encoding: gzip' "$url/style.css")"
check 'security headers' '*Content-Security-Policy: default-src*' "$(head "$url/")"
check 'on errors too' '*Content-Security-Policy: default-src*' "$(head "$url/nowhere")"
etag=$(head "$url/style.css" | sed -n 's/^ETag: *\(.*\).$/\1/p')
check 'what a browser has is not sent again' '*304*' "$(head -H "If-None-Match: $etag" "$url/style.css")"
check 'visits are counted' '1 2 3 ' "$(for visit in 1 2 3; do ask -X POST "$url/visits"; printf ' '; done)"

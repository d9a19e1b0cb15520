#!/bin/sh
# What @NAME@ promises: sh tests/test.sh
. "$(dirname "$0")/start.sh"

check 'says hello' '<h1>Hello world</h1>' "$(ask "$url/")"
check 'says hello to Ada' 'Hello Ada' "$(ask "$url/hello/Ada")"
check 'nothing elsewhere' 404 "$(ask -o /dev/null -w '%{http_code}' "$url/elsewhere")"

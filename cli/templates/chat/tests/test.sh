#!/bin/sh
# What @NAME@ promises: sh tests/test.sh
. "$(dirname "$0")/start.sh"

# until_all PATTERN: waits until each of the browsers was told so; ten seconds are enough.
until_all()
{
    for tries in $(seq 100); do
        [ "$(grep -l "$1" "$log".* | wc -l)" = 8 ] && return
        sleep 0.1
    done
    return 1
}

# Eight browsers, so that each worker has some of them.
for browser in $(seq 8); do
    ask -N "$url/events" >"$log.$browser" &
    browsers="$browsers $!"
done
check 'eight browsers come' yes "$(until_all '^event: worker' && echo yes)"
check 'each worker has some' 2 "$(cat "$log".* | grep -A1 '^event: worker' | grep '^data' | sort -u | wc -l)"
check 'a line is taken' 204 "$(ask -w '%{http_code}' -d name=Ada --data-urlencode 'text=Hello & welcome' "$url/say")"
check 'all of them hear it' yes "$(until_all '^data: Ada: Hello & welcome$' && echo yes)"
check 'who comes later is told' '*data: Ada: Hello & welcome*' "$(ask -N -m 1 "$url/events" 2>&1)"
check 'an empty line is not taken' '*text*422' "$(ask -w '%{http_code}' -d name=Ada -d text= "$url/say")"
check 'the page' '*<title>@NAME@</title>*' "$(ask "$url/")"
kill $browsers

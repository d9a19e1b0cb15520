#!/bin/sh
# What @NAME@ promises: sh tests/test.sh
. "$(dirname "$0")/start.sh"

# soon COMMAND...: waits until it succeeds, ten seconds at most.
soon()
{
    for _ in $(seq 100); do
        "$@" && return
        sleep 0.1
    done
    return 1
}

told() { [ "$(grep -lx "$1" "$log".* | wc -l)" = "$come" ]; } # all who have come
workers() { grep -hA1 -x 'event: worker' "$log".* | grep '^data' | sort -u | wc -l; }

one_more()
{
    come=$((come + 1))
    ask -N -m 60 "$url/events" >"$log.$come" &
    browsers="$browsers $!"
}

# Browsers come, one after the other, until each worker has some.
come=0
while [ $come -lt 20 ]; do
    one_more
    soon told 'event: worker'
    [ "$(workers)" = 1 ] || break
done
check 'each worker has a browser' 2 "$(workers)"
check 'a line is taken' 204 "$(ask -w '%{http_code}' -d name=Ada --data-urlencode 'text=Hello & welcome' "$url/say")"
check 'all browsers hear it' yes "$(soon told 'data: Ada: Hello & welcome' && echo yes)"
one_more
check 'who comes later is told' yes "$(soon told 'data: Ada: Hello & welcome' && echo yes)"
check 'an empty line is not taken' '*text*422' "$(ask -w '%{http_code}' -d name=Ada -d text= "$url/say")"
check 'the page' '*<title>@NAME@</title>*' "$(ask "$url/")"
kill $browsers

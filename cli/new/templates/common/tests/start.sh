# Read by test.sh: starts ../@NAME@ with two workers on a free port, as $url, stops it at the end,
# and gives ask and check. Needs curl.
cd "$(dirname "$0")/.." || exit 1
command -v curl >/dev/null || { echo 'make test: curl is needed: sudo apt install curl' >&2; exit 1; }
log=$(mktemp)
failed=0

finish()
{
    trap - EXIT
    kill $program
    wait $program || failed=1
    [ $failed = 0 ] || cat "$log"
    rm -f "$log"*
    exit $failed
}

# ask URL [curl's options]
ask()
{
    curl -sS -m 30 "$@"
}

# check WHAT PATTERN TEXT: does the text match, * standing for anything?
check()
{
    case $3 in
    $2) echo "  ok      $1" ;;
    *) echo "  failed  $1: $2 was expected, this came: $3"; failed=1 ;;
    esac
}

HOST=127.0.0.1 PORT=0 SHALLOT_INSTANCES=2 ./@NAME@ >"$log" 2>&1 &
program=$!
trap finish EXIT
trap 'failed=1; exit 1' INT TERM
until url=$(grep -om1 'http://127[0-9.:]*' "$log"); do
    kill -0 $program 2>/dev/null || { failed=1; exit 1; }
    sleep 0.1
done

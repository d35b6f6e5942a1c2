# broker.sh - a mosquitto of the test's own, and subscribers to it; behind lib.sh.
pids=()
trap 'kill -CONT "${pids[@]}" 2>/dev/null; kill -9 "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$here"' EXIT

# broker LINES...: starts mosquitto with them; $port, $broker. It keeps its port over restarts.
port= broker=
is_up() { timeout 5 mosquitto_pub -p "$port" -t up -n "${as[@]}" >/dev/null 2>&1; }
broker() {
    local i
    for i in $(seq 20); do
        [ -n "$port" ] || port=$((20000 + RANDOM % 20000))
        printf '%s\n' "user $(id -un)" "listener $port 127.0.0.1" "$@" >broker.conf
        mosquitto -c broker.conf >>broker.log 2>&1 &
        broker=$!
        pids+=("$broker")
        for i in $(seq 40); do
            kill -0 $broker 2>/dev/null || break
            grep -q "running" broker.log && is_up && return
            sleep 0.05
        done
        kill -9 $broker 2>/dev/null; wait $broker 2>/dev/null
        port=
    done
    bad "no broker: $(tail -n 3 broker.log)"; finish
}
end_broker() { kill -9 "$broker"; wait "$broker" 2>/dev/null; : >broker.log; }

# listen FILE: a subscriber to all, as lines of "retained topic payload"; returns when it gets what is published.
as=()
listen() {
    local i
    mosquitto_sub -W 150 -p "$port" -q 1 -t '#' -F '%r %t %p' "${as[@]}" >"$1" 2>&1 &
    pids+=($!)
    for i in $(seq 100); do
        mosquitto_pub -p "$port" -t ready -m go "${as[@]}" 2>/dev/null
        grep -q 'ready go' "$1" && return
        sleep 0.05
    done
    bad "no subscriber: $(cat "$1")"
}
# seen FILE TEXT: within 10 s.
seen() {
    local i
    for i in $(seq 200); do grep -qF -- "$2" "$1" && return; sleep 0.05; done
    bad "'$2' does not come: $(tail -n 5 "$1" | cut -c 1-300)"
}

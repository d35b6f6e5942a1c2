#!/bin/bash
# mqtt_in.sh EARMARK SOURCE_DIR JSONL_CHECK - the listening switch by a broker: what the sources do, what is told of it, and what is no command.
. "$(dirname "$0")/../cli/lib.sh"
for program in mosquitto mosquitto_sub mosquitto_pub jq; do command -v $program >/dev/null || { echo "$program is not installed"; exit 77; }; done
em --version | grep -q 'mqtt: yes' || { echo "built without EARMARK_MQTT"; exit 77; }
. "$(dirname "$0")/broker.sh"

broker 'allow_anonymous true'
url=mqtt://127.0.0.1:$port
listen all
tell() { mosquitto_pub -p $port "$@"; }
# What a broker keeps is nobody's wish of now.
tell -t earmark/pi/demo_flac_1/listening/set -m OFF -r
timeout 100 "$earmark" --mqtt-node pi --mqtt $url --realtime --channel each -f jsonl -o out.jsonl --scores=top "$demo" 2>err </dev/null &
program=$!
pids+=($program)
set=earmark/pi/demo_flac_1/listening/set state=earmark/pi/demo_flac_1/listening/state
seen all "$state ON"
seen all 'homeassistant/device/earmark_pi_demo_flac_1/config {'
sed -n 's|^[01] homeassistant/device/earmark_pi_demo_flac_1/config ||p' all | head -n 1 >config.json
jq -e '.cmps.listen == {p: "switch", unique_id: "earmark_pi_demo_flac_1_listen", name: "Listening", default_entity_id: "switch.demo_flac_1_listen",
       command_topic: "earmark/pi/demo_flac_1/listening/set", state_topic: "earmark/pi/demo_flac_1/listening/state"}' config.json >/dev/null ||
    bad "$(jq -c .cmps.listen config.json)"
tell -t $set -m OFF
seen all "$state OFF"
seen all 'earmark/pi/demo_flac_1/status disabled'
for payload in off '' 0 OFFF "$(head -c 3000 /dev/zero | tr '\0' x)"; do tell -t $set -m "$payload"; done
tell -t earmark/pi/nobody/listening/set -m OFF; tell -t earmark/pi//listening/set -m OFF; head -c 100 /dev/urandom | mosquitto_pub -p $port -t $set -s
# What is longer than 64 KiB stays with the broker, kept or not, however much it is.
most() { awk '/^VmHWM/ { print $2 }' /proc/$(pgrep -P $program)/status; }
head -c 30000000 /dev/zero >long
before=$(most)
tell -t $set -f long; tell -t earmark/pi/nobody/listening/set -f long -r; head -c 65536 long | mosquitto_pub -p $port -t $set -s
tell -t $set -m ON
seen all "$state ON"
[ $(($(most) - before)) -lt 8000 ] || bad "what the broker sent took $(($(most) - before)) kB"
for i in $(seq 200); do [ "$(grep -c "$state ON" all)" -eq 2 ] && break; sleep 0.05; done
for i in $(seq 100); do [ "$(grep -c '"state":"on"' out.jsonl.part)" -eq 1 ] && break; sleep 0.05; done
kill -INT $(pgrep -P $program) 2>/dev/null
wait $program || bad "exit code $?: $(cat err)"
seen all 'earmark/pi/status offline'
[ "$(sed -n "s|^0 $state ||p" all | tr '\n' ' ')" = 'ON OFF ON ' ] || bad "states: $(grep "$state" all)"
[ "$(sed -n 's|^0 earmark/pi/demo_flac_1/status ||p' all | tr '\n' ' ')" = 'online disabled online offline ' ] ||
    bad "status: $(grep flac_1/status all)"
[ "$(jq -r 'select(.type == "listening") | .source + " " + .state' out.jsonl | tr '\n' ' ')" = 'demo.flac:1 off demo.flac:1 on ' ] ||
    bad "$(grep listening out.jsonl)"
[ "$(grep -c 'it is ignored' err)" -eq 1 ] || bad "said once: $(cat err)"
"$jsonl_check" <out.jsonl >/dev/null || bad "whole records, and the counters add up"
# ---- another name for the node, while sound goes on: who had the old one sees it leave, and a pause is known to the new one
printf '[mqtt]\nurl = %s\nnode = old\n' $url >live.conf
setsid timeout 100 "$earmark" -c live.conf --realtime -f jsonl -o again.jsonl --scores=top "$demo" 2>err </dev/null &
program=$!
pids+=($program)
seen all 'earmark/old/demo_flac/listening/state ON'
tell -t earmark/old/demo_flac/listening/set -m OFF
seen all 'earmark/old/demo_flac/listening/state OFF'
printf '[mqtt]\nurl = %s\nnode = new\n' $url >live.conf
kill -HUP $(pgrep -P $program)
seen all 'earmark/old/status offline'
seen all 'earmark/new/demo_flac/listening/state OFF'
printf '[mqtt]\nurl = %s\nnode = new\n[class "Dog"]\nmin-on = 1\n' $url >live.conf
kill -HUP $(pgrep -P $program)
for i in $(seq 200); do [ "$(grep -c 'was read again' err)" -eq 2 ] && break; sleep 0.05; done
printf '' >live.conf
kill -HUP $(pgrep -P $program)
seen all 'earmark/new/status offline'
[ "$(grep -c ' earmark/new/status online' all)" -eq 1 ] || bad "opened again for a rule of events"
kill -INT $(pgrep -P $program)
wait $program || bad "exit code $?: $(cat err)"
"$jsonl_check" <again.jsonl >/dev/null || bad "whole records, and the counters add up"
jq -e 'select(.type == "stop") | .dropped == 0 and .skipped_hops == 0' again.jsonl >/dev/null || bad "$(tail -n 1 again.jsonl)"

# ---- a broker that comes with a reload is told the level, too
printf '' >live.conf
setsid timeout 100 "$earmark" -c live.conf --realtime -f jsonl -o third.jsonl --scores=top "$demo" 2>err </dev/null &
program=$!
pids+=($program)
for i in $(seq 200); do grep -q '"scores"' third.jsonl.part 2>/dev/null && break; sleep 0.05; done
printf '[mqtt]\nurl = %s\nnode = late\n' $url >live.conf
kill -HUP $(pgrep -P $program)
for i in $(seq 400); do grep -q '^0 earmark/late/demo_flac/level {"dbfs":' all && break; sleep 0.05; done
grep -q '^0 earmark/late/demo_flac/level {"dbfs":' all || bad "no level: $(grep ' earmark/late/' all)"
kill -INT $(pgrep -P $program)
wait $program || bad "exit code $?: $(cat err)"
! grep -q '"type":"level"' third.jsonl || bad "levels in JSON Lines, which nobody asked for"

# a file that waits for us takes no commands, and says so to nobody
run 0 --progress never --scores=none --mqtt-node pi --mqtt $url --duration 1 -o /dev/null "$demo"
! grep -q ' earmark/pi/demo_flac/listening' all || bad "a switch for a file"
finish

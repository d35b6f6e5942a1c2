#!/bin/bash
# mqtt.sh EARMARK SOURCE_DIR JSONL_CHECK HOSTILE_LABELS - mosquitto as the broker: what subscribers see, word for word; a broker that is
# hung, killed and back while no hop is late; passwords, TLS, and what is said of mistakes. Every broker is this test's own.
hostile_labels=$4
. "$(dirname "$0")/../cli/lib.sh"
for program in mosquitto mosquitto_sub mosquitto_pub mosquitto_passwd jq openssl; do
    command -v $program >/dev/null || { echo "$program is not installed"; exit 77; }
done
em --version | grep -q 'mqtt: yes' || { echo "built without EARMARK_MQTT"; exit 77; }
. "$(dirname "$0")/broker.sh"
scenes="--scores=none --progress never --mqtt-node pi"
silence_wav 64000 >short.wav


of() { sed -n "s|^[01] $2 ||p" "$1"; }                         # the payloads of a topic
same() { cmp -s "$1" "$2" || bad "$1 and $2 differ: $(diff "$1" "$2" | head -c 600)"; }

# ---- word for word
broker 'allow_anonymous true'
url=mqtt://127.0.0.1:$port
listen all
run 0 $scenes --watch Bark --watch Rain --group "the farm=Fowl" -f jsonl -o demo.jsonl --mqtt $url "$demo"; empty out; empty err
seen all 'earmark/pi/status offline'
ear=earmark/pi/demo_flac
of all $ear/event | jq -c 'select(.event_type == .type) | del(.event_type)' >events
jq -c 'select(.type == "onset" or .type == "offset" or .type == "retract")' demo.jsonl >want
same events want
[ -s want ] || bad "no events in the demo clip"
states() { # label topic: what its state must have been
    echo OFF
    jq -r --arg name "$1" 'select(.label == $name) | if .type == "onset" then "ON" elif .type == "offset" then "OFF" else empty end' demo.jsonl
}
for pair in Bark:sound/bark Rain:sound/rain "the farm:group/the_farm"; do
    of all "$ear/${pair##*:}" >got; states "${pair%%:*}" >want; same got want
done
jq -rs 'reduce .[] as $e ([0, ["OFF"]];
           if $e.type == "onset" then [.[0] + 1, .[1] + ["ON"]]
           elif $e.type == "offset" then [.[0] - 1, .[1] + [if .[0] > 1 then "ON" else "OFF" end]] else . end) |
        .[1] | reduce .[] as $s ([]; if .[-1:] == [$s] then . else . + [$s] end) | .[]' demo.jsonl >want
of all $ear/sound/any >got; same got want
of all $ear/last >got; jq -c 'select(.type == "onset") | {label: .label, score, utc: null, id}' demo.jsonl >want; jq -c . got >again; same again want
is_loud='.lufs > -60 and .lufs < 0'; em --version | grep -q 'loudness: yes' || is_loud='.lufs == null'
[ "$(of all $ear/level | jq -c "select(.dbfs > -60 and .dbfs < 0 and $is_loud and .laeq == null)" | wc -l)" -eq 6 ] ||
    bad "levels: $(of all $ear/level)"
[ "$(of all earmark/pi/status | tr '\n' ' ')" = 'online offline ' ] || bad "status: $(of all earmark/pi/status)"
[ "$(of all $ear/status | tr '\n' ' ')" = 'online offline ' ] || bad "status of the source"
[ "$(grep -c "^0 $ear/" all)" -eq "$(grep -c " $ear/" all)" ] || bad "something was retained before"

# what the broker keeps: states, all of them off
printf '%s\n' "$ear/group/the_farm OFF" "$ear/sound/any OFF" "$ear/sound/bark OFF" "$ear/sound/rain OFF" \
    "$ear/status offline" "earmark/pi/status offline" >want
kept() { timeout 5 mosquitto_sub -p $port -t "$1" --retained-only -W 1 -F '%t %p' 2>/dev/null; }
for i in $(seq 5); do kept 'earmark/#' | grep -v "$ear/last " | sort >got; cmp -s got want && break; done    # a late broker is asked again
same got want

# ---- discovery
config=homeassistant/device/earmark_pi_demo_flac/config
[ "$(grep -c " $config " all)" -eq 1 ] || bad "discovery, once"
of all $config >config.json
"$jsonl_check" <config.json >/dev/null 2>&1; jq -e . config.json >/dev/null || bad "discovery is no JSON"
jq -e '.dev.ids == ["earmark_pi_demo_flac"] and .dev.name == "Demo.flac ear" and .o.name == "earmark" and .dev.sw == .o.sw and
       .avty_t == "earmark/pi/status" and
       (.cmps | keys) == ["event", "group_the_farm", "last", "level", "sound_any", "sound_bark", "sound_rain"] and
       ([.cmps[].unique_id] | unique | length) == 7 and ([.cmps[].default_entity_id] | unique | length) == 7 and
       all(.cmps[]; .p + "." == (.default_entity_id | split(".")[0]) + "." and (.default_entity_id | test("^[a-z_]+\\.[a-z0-9_]+$"))) and
       .cmps.sound_bark == {p: "binary_sensor", unique_id: "earmark_pi_demo_flac_sound_bark", name: "Sound bark", device_class: "sound",
           default_entity_id: "binary_sensor.demo_flac_sound_bark", state_topic: "earmark/pi/demo_flac/sound/bark"} and
       .cmps.event.event_types == ["onset", "offset", "retract"] and .cmps.level.unit_of_measurement == "dB"' config.json >/dev/null ||
    bad "$(jq . config.json)"
for topic in $(jq -r '.cmps[] | .state_topic, .json_attributes_topic // empty' config.json); do
    grep -q " $topic " all || bad "nothing is told at $topic"
done
listen single
run 0 $scenes --watch Bark --mqtt $url/home/ears/ --mqtt-discovery single --mqtt-discovery-prefix ha short.wav
seen single 'home/ears/pi/status offline'
of single ha/binary_sensor/earmark_pi_short_wav/sound_bark/config |
    jq -e '.state_topic == "home/ears/pi/short_wav/sound/bark" and .dev.mf == "earmark" and
    .avty_t == "home/ears/pi/status" and has("p") == false' >/dev/null || bad "single: $(grep config single)"
[ "$(grep -c ' ha/.*/config {' single)" -eq 5 ] || bad "single messages: $(grep -c ' ha/.*/config {' single)"
discovered() { # N: so often does the broker keep it; one that is late is asked again
    local i
    for i in $(seq 5); do [ "$(kept 'homeassistant/#' | grep -c '^[^ ]*short_wav')" -eq "$1" ] && return; done
    return 1
}
run 0 $scenes --mqtt $url short.wav; discovered 1 || bad "discovery is not kept"
run 0 $scenes --watch Bark --mqtt $url --mqtt-discovery remove short.wav; discovered 0 || bad "discovery is not removed"
run 0 $scenes --mqtt $url --mqtt-discovery no short.wav; discovered 0 || bad "discovery, though no"

# Home Assistant starts; and an end without a word.
listen birth
"$earmark" $scenes --live --mqtt $url "$demo" >/dev/null 2>err </dev/null &
program=$!
pids+=($program)
seen birth "$config {"
mosquitto_pub -p $port -t homeassistant/status -m online
for i in $(seq 100); do [ "$(grep -c " $config {" birth)" -ge 2 ] && break; sleep 0.05; done
[ "$(grep -c " $config {" birth)" -eq 2 ] || bad "discovery is not told again"
kill -9 $program; wait $program 2>/dev/null
seen birth 'earmark/pi/status offline'

# ---- hostile labels
listen hostile
"$hostile_labels" --mqtt $url/hostile >out 2>err || bad "hostile labels: $(cat err)"
seen hostile " hostile/hostile/status offline"; sleep 0.5
grep -E '^[01] (hostile/|[^ ]*earmark_hostile_)' hostile >theirs
[ "$(wc -l <theirs)" -eq "$(grep -cE '^0 [a-zA-Z0-9_/-]+ ' theirs)" ] || bad "topics: $(grep -vE '^0 [a-zA-Z0-9_/-]+ ' theirs | head -n 3)"
grep -vE '^[01] [^ ]' hostile >odd; [ ! -s odd ] || bad "a payload has more than one line: $(head -n 3 odd)"
grep -c '/event ' theirs >n; grep '/event ' theirs | cut -d ' ' -f 3- | jq -c . >events || bad "an event is no JSON"
[ "$(wc -l <events)" -eq "$(cat n)" ] && [ "$(cat n)" -eq 188 ] || bad "$(wc -l <events) events of $(cat n)"
grep '/config ' theirs | cut -d ' ' -f 3- >config.json
[ "$(jq -c . config.json | wc -l)" -eq 3 ] || bad "discovery of three sources: $(wc -l <config.json)"
jq -e '([.cmps[].unique_id] | unique | length) == (.cmps | length) and all(.cmps[]; .unique_id | test("^[a-zA-Z0-9_-]+$"))' config.json >/dev/null ||
    bad "ids"
grep -E '^0 [^ ]*/(sound|group)/[^ ]* ' theirs | grep -vE ' (ON|OFF)$' | head -n 3 >odd; empty odd

# ---- hung, killed and back
listen first
timeout 120 "$earmark" $scenes -v --step 0.5 -f jsonl -o live.jsonl --live --duration 32 --mqtt $url "$demo" 2>err </dev/null &
program=$!
seen first "$ear/sound/bark ON"
kill -STOP $broker; sleep 4; kill -CONT $broker
seen first "$ear/event {"
onsets() { of "$1" $ear/event | jq -r '.type + " " + .id' | sort -u; }
jq -r 'select(.type == "onset" or .type == "offset") | .type + " " + .id' live.jsonl.part | sort >told
for i in $(seq 20); do sleep 0.5; untold=$(comm -13 <(onsets first) <(head -n -1 told)); [ -z "$untold" ] && break; done
[ -z "$untold" ] || bad "hung: not all is told: $untold"
end_broker
for i in $(seq 200); do [ "$(grep -c 'trying again' err)" -ge 3 ] && break; sleep 0.05; done
broker 'allow_anonymous true'
listen second
seen second "$ear/status online"
wait $program || bad "exit code $?: $(cat err)"
seen second 'earmark/pi/status offline'
grep -q "$ear/sound/bark \(ON\|OFF\)" second || bad "no states for a broker that is new"
cat first second >both
onsets both >got
jq -r 'select(.type == "onset" or .type == "offset" or .type == "retract") | .type + " " + .id' live.jsonl | sort -u >want; same got want
jq -e -s '.[-1] | .type == "stop" and .skipped_hops == 0 and .dropped == 0' live.jsonl >/dev/null || bad "late: $(tail -n 1 live.jsonl)"
! grep -q '"lost"' live.jsonl || bad "records are lost beside a hung broker"
grep -v 'trying again' err | says /dev/stdin "$url: connected"
[ "$(grep -c 'warning.*trying again' err)" -eq 1 ] || bad "told $(grep -c 'warning.*trying again' err) times"

# ---- a broker that is not there, says no, is none
end_broker
run 6 $scenes --mqtt $url short.wav; says err "$url: Connection refused; trying again"; says err "earmark: $url: Connection refused"
run 6 $scenes -q --mqtt mqtt://no-such-host.invalid short.wav; one_line err; says err 'mqtt://no-such-host.invalid:1883: '
for wrong in broker.lan http://h mqtt:// mqtt://h:0 mqtt://h:70000 mqtt://h:1x 'mqtt://a b' 'mqtt://u:%zz@h' mqtt://h/a+b mqtt://h/%00 \
    mqtt://h/a//b mqtt://@h 'mqtt://[::1' mqtt://:secret@h; do
    run 2 --mqtt "$wrong" short.wav; one_line err 2; says err "--mqtt: not mqtt://"; ! grep -q secret err || bad "the password is told"
done
run 2 --mqtt $url --mqtt-password-file none short.wav; says err 'whose?'
run 2 --mqtt mqtt://u@h --mqtt-password-file none short.wav; one_line err 2; says err '--mqtt-password-file: none: cannot be read'
run 2 --mqtt mqtt://h --mqtt-ca short.wav short.wav; says err 'is for mqtts://'
run 2 --mqtt mqtts://h --mqtt-ca none.pem short.wav; says err '--mqtt-ca: none.pem: cannot be read'
run 2 --mqtt mqtts://h --mqtt-cert short.wav short.wav; says err 'belong together'
run 2 --mqtt $url --mqtt-node '+/#' short.wav; says err '--mqtt-node'
run 2 --mqtt $url --mqtt-discovery-prefix 'a/+' short.wav; says err '--mqtt-discovery-prefix'
run 2 --mqtt $url --summary short.wav; says err '--mqtt and --summary'
run 2 --mqtt $url --replay x.scores; says err '--replay and --mqtt'

# ---- passwords
mosquitto_passwd -b -c users ear 'a secret' 2>/dev/null
as=(-u ear -P 'a secret')
broker 'allow_anonymous false' "password_file $here/users"
url=mqtt://ear@127.0.0.1:$port
run 6 $scenes --mqtt mqtt://ear:wrong@127.0.0.1:$port short.wav; says err 'it does not take this user name and password'; says err 'sees the password'
! grep -q wrong err || bad "the password is told"
run 6 $scenes --mqtt mqtt://127.0.0.1:$port short.wav; says err 'it does not take this user name and password'
echo 'a secret' >password; chmod 644 password
run 2 $scenes --mqtt $url --mqtt-password-file password short.wav; says err 'chmod 600'
chmod 600 password
listen known
run 0 $scenes --mqtt $url --mqtt-password-file password short.wav; empty err
seen known 'earmark/pi/status offline'
EARMARK_MQTT=mqtt://ear:a%20secret@127.0.0.1:$port run 0 $scenes short.wav; empty err
printf '[mqtt]\nurl = mqtt://ear:a%%20secret@127.0.0.1:%s\nnode = file\n' "$port" >secret.conf
run 0 --scores=none --progress never -c secret.conf short.wav; empty err
seen known 'earmark/file/status offline'
run 0 -c secret.conf --print-config; says out "mqtt = mqtt://ear@127.0.0.1:$port"
! grep -q 'a%20secret' out || bad "--print-config tells the password"
end_broker

# ---- TLS
as=(--cafile ca.pem)
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-authority >/dev/null 2>&1
openssl req -newkey rsa:2048 -nodes -keyout broker.key -out broker.csr -subj /CN=127.0.0.1 >/dev/null 2>&1
openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out broker.pem -days 2 \
    -extfile <(echo subjectAltName=IP:127.0.0.1) >/dev/null 2>&1
is_up() { timeout 5 mosquitto_pub -h 127.0.0.1 -p "$port" -t up -n --cafile ca.pem >/dev/null 2>&1; }
broker 'allow_anonymous true' "cafile $here/ca.pem" "certfile $here/broker.pem" "keyfile $here/broker.key"
run 0 $scenes --mqtt mqtts://127.0.0.1:$port --mqtt-ca ca.pem short.wav; empty err
run 6 $scenes --mqtt mqtts://127.0.0.1:$port short.wav; says err 'certificate verify failed'
run 6 $scenes --mqtt mqtts://localhost:$port --mqtt-ca ca.pem short.wav; says err "mqtts://localhost:$port: "
run 6 $scenes --mqtt mqtt://127.0.0.1:$port short.wav; says err "mqtt://127.0.0.1:$port: "
finish

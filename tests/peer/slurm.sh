#!/bin/bash
# slurm.sh PROGRAM SOURCE JSONL_CHECK HAS_MPI - README's batch script under a real Slurm of one node, started here with its own munge:
# two ranks are one rank, and a job that is told to end, or loses a rank, is gone on with by submitting the script again.
. "$(dirname "$0")/../train/lib.sh"
[ "${4:-OFF}" = ON ] || { echo "SKIPPED: MPI is not in this build (libopenmpi-dev)"; exit 77; }
PATH=$PATH:/usr/sbin:/sbin
for command in munged slurmctld slurmd sbatch; do
    command -v $command >/dev/null || { echo "SKIPPED: there is no $command (slurm-wlm, munge)"; exit 77; }
done

# ---- a cluster of this machine, as whoever runs the test: no cgroups, no system services, nothing outside this folder
name=$(hostname -s)
export SLURM_CONF=$here/slurm.conf
ports=($(python3 -c '
import socket
held = [socket.socket() for _ in range(2)]
for s in held:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])'))
mkdir cluster cluster/state cluster/spool
head -c 1024 /dev/urandom >cluster/key; chmod 600 cluster/key
cat >slurm.conf <<CONF
ClusterName=earmark
SlurmctldHost=$name(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmdPort=${ports[1]}
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$here/cluster/munge
StateSaveLocation=$here/cluster/state
SlurmdSpoolDir=$here/cluster/spool
SlurmctldPidFile=$here/cluster/slurmctld.pid
SlurmdPidFile=$here/cluster/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
KillWait=10
NodeName=$name NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
CONF

# until SECONDS COMMAND...: whether the command is true by then
until_() {
    local last=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $last ] || return 1
        sleep 0.2
    done
}
ask() { timeout 20 "$@"; }
is_idle() { [ "$(ask sinfo -h -o %t)" = idle ]; }
is_queue_empty() { [ -z "$(ask squeue -h)" ]; }
daemons=()
is_over() { ! kill -0 "$1"; }
stop_cluster() {
    ask scancel -u "$(id -un)" 2>/dev/null
    until_ 30 is_queue_empty                            # what runs a job outlives the daemon that started it
    for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
        kill "${daemons[i]}" 2>/dev/null
        until_ 15 is_over "${daemons[i]}" || kill -KILL "${daemons[i]}"
    done
}
trap 'stop_cluster; rm -rf "$here"' EXIT
trap 'exit 1' INT TERM
# start COMMAND...: a daemon of this test
start() { "$@" >"cluster/${1##*/}.log" 2>&1 </dev/null & daemons+=($!); }

start munged --foreground --force --key-file=cluster/key --socket="$here/cluster/munge" --pid-file="$here/cluster/munged.pid" \
    --log-file="$here/cluster/munged.file" --seed-file="$here/cluster/seed"
until_ 20 test -S cluster/munge || { bad "munged: $(tail -n 3 cluster/munged.*)"; finish; }
start slurmctld -D -i
until_ 20 ask scontrol ping || { bad "slurmctld: $(tail -n 3 cluster/slurmctld.log)"; finish; }
start slurmd -D -N "$name"
until_ 30 is_idle || { bad "slurmd: $(ask sinfo -h -N -l) $(tail -n 3 cluster/slurmd.log)"; finish; }

# ---- README's script, with this program in the path
awk '/^```/ { if (script) exit; getline; script = /^#!\/bin\/bash/ } script' "$source_dir/README.md" >train.sbatch
grep -q '^#SBATCH' train.sbatch || { bad "README shows no batch script"; finish; }
mkdir bin; ln -s "$earmark" bin/earmark
export PATH=$here/bin:$PATH
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_btl_base_warn_component_unused=0 TMPDIR=/tmp
export ASAN_OPTIONS=detect_leaks=0

# submit NTASKS OUTPUT args...: the job's number in job
submit() {
    local ntasks=$1 output=$2
    shift 2
    : >"$output"
    job=$(ask sbatch --parsable --ntasks="$ntasks" --cpus-per-task=1 --time=10 --output="$output" train.sbatch "$@" 2>err) ||
        bad "sbatch: $(cat err)"
}
field() { ask scontrol -o show job "$job" | tr ' ' '\n' | sed -n "s/^$1=//p"; }
is_done() { case $(field JobState) in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) return 0 ;; esac; return 1; }
# ended STATE OUTPUT: the job ends, and so
ended() {
    until_ 120 is_done || bad "job $job does not end: $(field JobState), $(tail -n 3 "$2")"
    case $(field JobState) in $1) ;; *) bad "job $job: $(field JobState) ($(field ExitCode)), not $1: $(tail -n 5 "$2")" ;; esac
}
# reached STEP OUTPUT: the run has told of that step
reached() { until_ 60 grep -qs "\"step\":$1," "$2" || bad "step $1 is not reached: $(field JobState), $(tail -n 5 "$2")"; }
# a_rank: the process number of one rank, which none but this test's own can be: it works in our folder.
a_rank() {
    for process in /proc/[0-9]*; do
        [ "$(cat "$process/comm" 2>/dev/null)" = earmark ] && [ "$(readlink "$process/cwd")" = "$here" ] && echo "${process#/proc/}"
    done | tail -n 1
}

made sounds set 5 tone noise clicks
run=("${small[@]}" --data set --epochs 3 --mixup 1 --cutmix 0.5 --drop-path 0.2 --average 2 --save-steps 1 --progress=jsonl)

em --train "${run[@]}" --out alone >out 2>alone.err </dev/null || bad "one rank without Slurm: $(tail -n 1 alone.err)"
submit 2 two.log "${run[@]}" --out two; ended COMPLETED two.log
made curve alone.err two.log 1e-5
[ "$(grep -c '"type":"step"' two.log)" -eq 9 ] || bad "two ranks: steps are told $(grep -c '"type":"step"' two.log) times, not 9"
submit 1 one.log "${run[@]}" --out one; ended COMPLETED one.log
same_run one alone
submit 2 two.log "${run[@]}" --out two; ended COMPLETED two.log     # as after a requeue: a finished run stays as it is
says two.log 'nothing is left to do'

# What Slurm does before the time is over (--signal), and a rank that dies; both are gone on with by the same script.
long=("${run[@]}" --epochs 40 --validate 10)
submit 2 long.log "${long[@]}" --out long; ended COMPLETED long.log
submit 2 told.log "${long[@]}" --out told
reached 5 told.log
ask scancel --signal=TERM "$job"
ended FAILED told.log
says told.log '--resume goes on from there'
submit 2 told.log "${long[@]}" --out told; ended COMPLETED told.log
same_run told long
submit 2 dead.log "${long[@]}" --out dead
reached 5 dead.log
rank=$(a_rank)
[ -n "$rank" ] && kill -KILL "$rank" || bad "no rank to kill"
ended FAILED dead.log
submit 2 dead.log "${long[@]}" --out dead; ended COMPLETED dead.log
same_run dead long

# A cluster whose srun does not know our MPI: each would train alone, and says so.
ask srun --mpi=none -n 2 earmark --train "${run[@]}" --out alien >out 2>err </dev/null && bad "ranks that do not see each other train"
grep -q 'pmix' err || bad "ranks that do not see each other: $(tail -n 3 err)"
finish

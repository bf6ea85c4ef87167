# The project's tasks. Where `just` is not installed, ./justw gets it: ./justw up

set positional-arguments

programs := "-p order-service -p kitchen-worker -p tracking-service -p notification-subscriber -p restaurant-system -p restaurant-ctl"

# Without optimisation the programs are built several times as fast, and one machine's orders do not need it.
ctl := env_var_or_default("CARGO_TARGET_DIR", "target") / "debug/restaurant-ctl"

# show this list
default:
    @{{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} --list --unsorted

# open the whole restaurant on this machine: servers and services; --detach: and return (all options: up --help)
[no-exit-message]
up *options: _ctl
    @exec {{ quote(ctl) }} up "$@" --from-source

# close it
[no-exit-message]
down *options: _ctl
    @exec {{ quote(ctl) }} down "$@"

# show what runs
[no-exit-message]
status *options: _ctl
    @exec {{ quote(ctl) }} status "$@"

# show what the services said: logs kitchen --follow
[no-exit-message]
logs *options: _ctl
    @exec {{ quote(ctl) }} logs "$@"

# close it and delete its orders, messages and logs
[no-exit-message]
reset *options: _ctl
    @exec {{ quote(ctl) }} reset "$@"

# place orders in the open restaurant and watch them being cooked
[no-exit-message]
demo *options: _ctl
    @exec {{ quote(ctl) }} demo "$@"

# run one service from source (order, kitchen, tracking or notifier), with the servers of `up` while that runs: run order --port 3010
[no-exit-message]
run service *options:
    #!/bin/sh
    set -eu
    case $1 in
        order) package=order-service ;;
        kitchen) package=kitchen-worker ;;
        tracking) package=tracking-service ;;
        notifier) package=notification-subscriber ;;
        *) echo "run: '$1' is none of order, kitchen, tracking, notifier" >&2; exit 2 ;;
    esac
    shift
    if [ -f .local/env ]; then . ./.local/env; fi
    exec cargo run --quiet -p "$package" -- "$@"

# check on the running system that no order is lost, doubled or stuck (all options: audit --help)
[no-exit-message]
audit *options: _ctl
    @if [ -f .local/env ]; then . ./.local/env; fi; exec {{ quote(ctl) }} audit "$@"

# check what the services need before they start: configuration, servers, rights, ports (all options: doctor --help)
[no-exit-message]
doctor *options: _ctl
    @if [ -f .local/env ]; then . ./.local/env; fi; exec {{ quote(ctl) }} doctor "$@"

# any other command of restaurant-ctl, on the servers of `up` while that runs: ctl dlq list, ctl load --connections 64
[no-exit-message]
ctl *options: _ctl
    @if [ -f .local/env ]; then . ./.local/env; fi; exec {{ quote(ctl) }} "$@"

# check everything: format, lints, all tests on real servers
test *options: _fmt lint
    @cargo run --quiet -p testkit --bin run-tests -- "$@"

# break everything on purpose, and say what became of the orders; --soak 10m: random faults for so long
faults *options:
    #!/bin/sh
    set -eu
    FAULTS=complete
    FAULTS_TABLE=$(mktemp)
    if [ "${1:-}" = --soak ]; then SOAK=$2; shift 2; export SOAK; set -- "$@" soak; fi
    export FAULTS FAULTS_TABLE
    ended=0
    cargo run --quiet -p testkit --bin run-tests -- -p testkit --test faults "$@" || ended=$?
    echo
    echo "| scenario | placed | acknowledged | lost | doubled | accepted again after |"
    echo "|---|---|---|---|---|---|"
    cat "$FAULTS_TABLE"
    rm -f "$FAULTS_TABLE"
    exit "$ended"

# try the parsers that face the outside with hostile inputs, each for a minute or so long: fuzz --for 10m
[no-exit-message]
fuzz *options:
    #!/bin/sh
    set -eu
    FUZZ_SECONDS=60
    case ${1:-}${2:-} in
        --for*m) FUZZ_SECONDS=$((${2%m} * 60)) ;;
        --for*s) FUZZ_SECONDS=${2%s} ;;
        ?*) echo "fuzz: only --for, with a time such as 90s or 10m" >&2; exit 2 ;;
    esac
    export FUZZ_SECONDS
    for parser in "domain --test fuzz http" "domain --test fuzz message" "bus --lib fuzzing" "runtime --lib fuzzing"; do
        # shellcheck disable=SC2086 # several words on purpose
        cargo test --quiet --profile fuzz -p $parser -- --nocapture
    done

# measure the speed beside its baseline: bench, bench intake --rounds 5, bench micro (all options: bench --help)
[no-exit-message]
bench *options:
    #!/bin/sh
    set -eu
    if [ "${1:-}" = micro ]; then shift; exec {{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} _micro "$@"; fi
    for option; do
        case $option in --list | --help) exec cargo run --quiet -p bench -- "$option" ;; esac
    done
    echo "building the optimised programs (some minutes at the first time) ..." >&2
    cargo build --quiet --release {{ programs }} -p bench
    exec {{ quote(env_var_or_default("CARGO_TARGET_DIR", "target") / "release/bench") }} "$@"

# the smallest parts: validation, order numbers, messages, log lines
_micro *options:
    cargo bench --quiet -p domain --bench rules -- "$@"
    cargo bench --quiet -p logging --bench lines -- "$@"

# build every program (build --release: optimised)
build *options:
    cargo build {{ programs }} "$@"

# format the code
fmt:
    cargo fmt --all

# look for what the compiler does not mind
lint:
    cargo clippy --quiet --workspace --all-targets -- -D warnings

# look at the dependencies: licences, sources, duplicates, and known weaknesses if their list can be fetched
deny:
    #!/bin/sh
    set -eu
    deny=$(command -v cargo-deny || echo .local/tools/bin/cargo-deny)
    if [ ! -x "$deny" ]; then
        echo "deny: building cargo-deny once into .local/tools (some minutes) ..." >&2
        cargo install cargo-deny --locked --version 0.20.2 --debug --quiet --root .local/tools
    fi
    "$deny" --offline check -A duplicate --hide-inclusion-graph licenses bans sources
    if "$deny" fetch db 2>/dev/null; then
        "$deny" --offline check advisories
    else
        echo "deny: the list of known weaknesses cannot be fetched here; they were not looked for" >&2
    fi

_fmt:
    @cargo fmt --all --check

_ctl:
    #!/bin/sh
    # Quietly, unless it takes a while.
    { sleep 2 3>&- && echo "building restaurant-ctl ..." >&3; } 3>&2 >/dev/null 2>&1 &
    cargo build --quiet -p restaurant-ctl
    code=$?
    kill $! 2>/dev/null
    exit $code

# Short names for the tasks of `cargo xtask`, for those who have just (https://just.systems): just up

set positional-arguments

# list all tasks
default:
    @cargo xtask

[no-exit-message]
up *options:
    @cargo xtask up "$@"

[no-exit-message]
down *options:
    @cargo xtask down "$@"

[no-exit-message]
status *options:
    @cargo xtask status "$@"

[no-exit-message]
logs *options:
    @cargo xtask logs "$@"

[no-exit-message]
reset *options:
    @cargo xtask reset "$@"

[no-exit-message]
demo *options:
    @cargo xtask demo "$@"

[no-exit-message]
run *options:
    @cargo xtask run "$@"

[no-exit-message]
audit *options:
    @cargo xtask audit "$@"

[no-exit-message]
doctor *options:
    @cargo xtask doctor "$@"

[no-exit-message]
ctl *options:
    @cargo xtask ctl "$@"

[no-exit-message]
load *options:
    @cargo xtask load "$@"

[no-exit-message]
test *options:
    @cargo xtask test "$@"

[no-exit-message]
faults *options:
    @cargo xtask faults "$@"

[no-exit-message]
drill *options:
    @cargo xtask drill "$@"

[no-exit-message]
fuzz *options:
    @cargo xtask fuzz "$@"

[no-exit-message]
bench *options:
    @cargo xtask bench "$@"

[no-exit-message]
build *options:
    @cargo xtask build "$@"

[no-exit-message]
config-docs *options:
    @cargo xtask config-docs "$@"

[no-exit-message]
fmt *options:
    @cargo xtask fmt "$@"

[no-exit-message]
lint *options:
    @cargo xtask lint "$@"

[no-exit-message]
deny *options:
    @cargo xtask deny "$@"

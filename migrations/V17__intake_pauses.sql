-- While the staff takes no orders. One row at most; it ends by itself, by this clock.
create table intake_pauses (
    single        boolean      primary key default true check (single),
    message       text         not null check (char_length(message) between 1 and 200),
    paused_at     timestamptz  not null,
    paused_until  timestamptz  not null,
    check (paused_until > paused_at and paused_until <= paused_at + interval '24 hours')
);

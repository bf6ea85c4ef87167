-- Backups that were taken, and what restoring one left for a person to decide.

-- A backup. `finished_at` is null while it is taken, and stays so if that failed: only one that was
-- verified has an end.
create table backups (
    id           uuid         primary key default gen_random_uuid(),
    made_by      text         not null check (char_length(made_by) between 1 and 100),
    started_at   timestamptz  not null default now(),
    finished_at  timestamptz
);
create index backups_by_end on backups (finished_at);

-- A backup that this database was restored from. The row bars a second hold: orders that were placed
-- after a restore are never held by its repetition. A backup by another program has an id of the
-- restore's own.
create table restores (
    backup       uuid         primary key default gen_random_uuid(),
    taken_by     text         not null,
    restored_at  timestamptz  not null default now()
);

-- Orders that were open in what was restored. Nobody knows whether they were cooked since, so they
-- are neither sent nor cooked until a person releases them. A row counts while its order is open. A
-- released one keeps its row: it may be cooking without a worker, until it is cooked again.
create table held_orders (
    order_id     integer      primary key references orders(id) on delete cascade,
    backup       uuid         not null,
    status       text         not null,  -- as it was restored
    held_at      timestamptz  not null default now(),
    released_at  timestamptz             -- null while it is held
);

-- Numbers that a restore skipped, because they were given out after the backup. No order has one.
create table number_gaps (
    day           date         not null,
    first_number  integer      not null check (first_number > 0),
    last_number   integer      not null,
    backup        uuid         not null,
    recorded_at   timestamptz  not null default now(),
    primary key (day, first_number),
    check (last_number >= first_number)
);

-- Orders that were acknowledged to their guests and are not in what was restored. Whoever has told
-- the guests removes the rows.
create table lost_orders (
    number       text         primary key,
    backup       uuid         not null,
    recorded_at  timestamptz  not null default now()
);

-- What the rescuer tried for an order, each action with a pace of its own: an order that is sent
-- again and again is lifted in time all the same. It takes the place of order_sweeps, which stays
-- as it is for the order services of the version before.
create table rescue_attempts (
    order_id  integer      not null,
    action    text         not null check (action in ('redeliver', 'escalate', 'reclaim')),
    last_at   timestamptz  not null,
    times     integer      not null,
    primary key (order_id, action)
);

insert into rescue_attempts (order_id, action, last_at, times)
select order_id, 'redeliver', swept_at, times from order_sweeps;

-- Last: with the key in place each row would lock its order, while a change of that order waits for
-- the lock that makes the key.
alter table rescue_attempts add foreign key (order_id) references orders(id);

-- Orders that come as messages of the queue validated_orders: what became of each request.

-- The row is the decision. Whoever inserts it carries the request out; a message that comes again
-- finds it. `placed_as` is the order, for as long as it exists.
create table order_requests (
    order_id      uuid           primary key,
    fingerprint   bytea          not null,    -- SHA-256 of the body's value
    request_id    text           not null,
    status        text           not null check (status in ('PROCESSING', 'CONFIRMED', 'FAILED')),
    placed_as     integer        unique,
    order_number  text,
    total_amount  decimal(10,2),
    code          text,          -- of a failure, as the API names it
    reason        text,          -- of a failure, for people
    errors        json,          -- the broken rules of the body: pointer and detail
    items         json,          -- the items that cannot be had
    created_at    timestamptz    not null,
    updated_at    timestamptz    not null,
    check ((status = 'FAILED') = (code is not null) and (code is null) = (reason is null))
);

-- Events that RabbitMQ has not confirmed yet. `status` goes to all who follow a request, `outcome`,
-- with everything that is known, to those who keep it.
create table request_outbox (
    id          bigint       primary key generated always as identity,
    order_id    uuid         not null,
    stream      text         not null check (stream in ('status', 'outcome')),
    status      text         not null check (status in ('PROCESSING', 'CONFIRMED', 'FAILED')),
    changed_at  timestamptz  not null,
    due_at      timestamptz  not null,
    attempts    integer      not null default 0
);
create index request_outbox_by_request on request_outbox (order_id);
-- What a lane of the relay takes next: of its stream, refused before or not, the oldest first.
create index request_outbox_next on request_outbox (stream, least(attempts, 1), id);

-- An order's message leaves the outbox when RabbitMQ has confirmed it, or when the order is taken
-- back. That is the moment at which its request is decided, whoever removes the row. The plan is
-- kept, and may be made while the tables are empty: each row is looked up by its key, not joined.
create function decide_order_requests() returns trigger language plpgsql set search_path from current as $$
begin
    with decided as (
        update order_requests as request
        set (status, code, reason) = (
                select case when is_cooked then 'CONFIRMED' else 'FAILED' end,
                       case when not is_cooked then 'cancelled' end,
                       case when not is_cooked
                            then 'The order was cancelled before the kitchen had it. Nothing will be cooked.' end
                from (select exists (select from orders where orders.id = request.placed_as
                                                          and orders.status <> 'cancelled') as is_cooked) as order_now
            ),
            updated_at = statement_timestamp()
        where request.placed_as = any(array(select order_id from removed)) and request.status = 'PROCESSING'
        returning request.order_id, request.status, request.updated_at
    )
    insert into request_outbox (order_id, stream, status, changed_at, due_at)
    select order_id, stream, decided.status, updated_at, updated_at
    from decided cross join (values (1, 'status'), (2, 'outcome')) as streams (place, stream)
    order by place, order_id;
    return null;
end $$;
create trigger decide_order_requests after delete on order_outbox referencing old table as removed
    for each statement execute function decide_order_requests();

-- What goes with a request that is removed, by hand only.
create function forget_request_events() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op = 'TRUNCATE' then
        delete from request_outbox;
    else
        delete from request_outbox using removed where request_outbox.order_id = removed.order_id;
    end if;
    return null;
end $$;
create trigger forget_request_events after delete on order_requests referencing old table as removed
    for each statement execute function forget_request_events();
create trigger forget_all_request_events after truncate on order_requests
    for each statement execute function forget_request_events();

, requested as (
    -- The rows are there, reserved. They are found by their keys, whatever the plan was made for.
    insert into order_requests (order_id, fingerprint, request_id, status, created_at, updated_at,
                                placed_as, order_number, total_amount)
    select input.order_id, ''::bytea, '', 'PROCESSING', now(), now(),
           numbered.id, numbered.number, numbered.total_amount::numeric
    from unnest($requested::uuid[]) with ordinality as input (order_id, place) join numbered using (place)
    where input.order_id is not null
    on conflict (order_id) do update
    set placed_as = excluded.placed_as, order_number = excluded.order_number, total_amount = excluded.total_amount
    returning order_id
), request_announced as (
    insert into request_outbox (order_id, stream, status, changed_at, due_at)
    select order_id, 'status', 'PROCESSING', now(), now() from requested
), request_forgotten as (
    delete from order_requests where order_id = any($forgotten_requests::uuid[])
)

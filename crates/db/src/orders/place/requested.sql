, requested as (
    update order_requests as request
    set placed_as = numbered.id, order_number = numbered.number, total_amount = numbered.total_amount::numeric
    from unnest($requested::uuid[]) with ordinality as input (order_id, place) join numbered using (place)
    where request.order_id = input.order_id
    returning request.order_id
), request_announced as (
    insert into request_outbox (order_id, stream, status, changed_at, due_at)
    select order_id, 'status', 'PROCESSING', now(), now() from requested
), request_forgotten as (
    delete from order_requests where order_id = any($forgotten_requests::uuid[])
)

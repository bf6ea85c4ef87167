, requested as (
    insert into order_requests (order_id, fingerprint, request_id, status, created_at, updated_at,
                                placed_as, order_number, total_amount, traceparent)
    select input.order_id, input.fingerprint, numbered.request_id, 'PROCESSING', now(), now(),
           numbered.id, numbered.number, numbered.total_amount::numeric, numbered.traceparent
    from unnest($requested::uuid[], $request_fingerprints::bytea[]) with ordinality
        as input (order_id, fingerprint, place) join numbered using (place)
    where input.order_id is not null
    returning order_id
), request_announced as (
    insert into request_outbox (order_id, stream, status, changed_at, due_at)
    select order_id, 'status', 'PROCESSING', now(), now() from requested
)

-- :requests confirmed requests of past messages, and their ids, which follow no order.
with stored as (
    insert into order_requests (order_id, fingerprint, request_id, status, order_number, total_amount, created_at,
                                updated_at)
    select md5('request ' || number)::uuid, sha256(number::text::bytea), 'bench-' || number, 'CONFIRMED',
           format('ORD_%s_%s', to_char(now() at time zone 'UTC', 'YYYYMMDD'), lpad(number::text, greatest(3, length(number::text)), '0')),
           25.50 + number % 100, now(), now()
    from generate_series(1, :requests) as number returning order_id
)
select order_id from stored;

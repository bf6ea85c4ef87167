-- Orders that were there before the table get their identities, however long that takes: nobody
-- waits for it. What is stored from the beginning of this statement on has one already.
insert into order_identities (identity, order_id, request_id)
select gen_random_uuid(), orders.id, outbox.request_id
from orders left join order_outbox as outbox on outbox.order_id = orders.id and outbox.purpose = 'placed'
on conflict (order_id) do nothing;

-- All requests, those without a confirmed order, all orders, and the events that wait.
select count(*), count(*) filter (where status <> 'CONFIRMED'),
       (select count(*) from orders), (select count(*) from request_outbox)
from order_requests;

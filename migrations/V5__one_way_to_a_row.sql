-- Rows that were told are removed by their ids. A plan for that is made while the table is empty, when every index looks alike: one that
-- has the id behind the order's number was read as a whole for each removal, a thousand times as much after some seconds of load.
drop index status_outbox_by_order;
create index status_outbox_by_order on status_outbox (order_number);

-- How many orders the kitchen's queues have got so far, and the second in which that was so.
select (select coalesce(sum(last_number), 0) from order_counters) - (select count(*) from order_outbox),
       extract(epoch from clock_timestamp());

-- How many changes of status there are.
select count(*) from order_status_log;

-- How many orders were made ready, and in how many seconds: from the first claim to the last that was ready.
select count(*) filter (where status = 'ready'),
       coalesce(extract(epoch from max(changed_at) filter (where status = 'ready')
                                 - min(changed_at) filter (where status = 'cooking')), 0)
from order_status_log where changed_by like 'chef\_bench%';

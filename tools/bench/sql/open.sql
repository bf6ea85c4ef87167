-- Whether any order waits or cooks.
select exists (select 1 from orders where status in ('received', 'cooking'));

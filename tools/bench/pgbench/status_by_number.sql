-- The status of one of today's first :orders orders, as a guest asks for it.
\set place random(1, :orders)
select o.number, o.status, o.updated_at, o.processed_by
from orders o
where o.number = 'ORD_' || to_char(now() at time zone 'utc', 'YYYYMMDD') || '_'
    || lpad((:place)::text, greatest(3, length((:place)::text)), '0');

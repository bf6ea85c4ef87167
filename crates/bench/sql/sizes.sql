-- Bytes of each table with its indexes and overflow.
select relname, pg_total_relation_size(relid) from pg_stat_user_tables order by relname;

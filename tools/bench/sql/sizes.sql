-- Bytes of each table with its indexes and overflow, and of each index.
select relname, pg_total_relation_size(relid) from pg_stat_user_tables
union all
select indexrelname, pg_relation_size(indexrelid) from pg_stat_user_indexes
order by relname;

select to_char(now() at time zone 'utc', 'YYYYMMDD');

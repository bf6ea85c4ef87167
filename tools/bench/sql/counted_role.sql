-- A role like the one that all programs of the bench log in as. PostgreSQL writes each of its statements into its log.
create role :"role" superuser login password :'password';
alter role :"role" set log_statement = 'all';

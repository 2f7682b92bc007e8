-- The sample shop, moved to the present, and the account that rowbell reads it with.
update orders
set order_date    = order_date    + (current_date - date '1998-05-06'),
    required_date = required_date + (current_date - date '1998-05-06'),
    shipped_date  = shipped_date  + (current_date - date '1998-05-06');

create role reader login password 'sample-reader' connection limit 4;
alter role reader set default_transaction_read_only = on;
grant usage on schema public to reader;
grant select on all tables in schema public to reader;
alter default privileges in schema public grant select on tables to reader;

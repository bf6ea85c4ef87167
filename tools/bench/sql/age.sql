-- All orders are completed, and have been so for a hundred days. Then vacuum, so that what follows
-- does not pay for it.
update orders set status = 'completed', created_at = created_at - interval '100 days',
                  updated_at = updated_at - interval '100 days', completed_at = now() - interval '100 days';
update order_status_log set changed_at = changed_at - interval '100 days';
vacuum analyze;
checkpoint;

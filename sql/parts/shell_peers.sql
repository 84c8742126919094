CREATE FUNCTION mtm.shell_peers()
  RETURNS TABLE (
    node_id int,
    link_out bool,
    link_in bool,
    link_sender_pid int,
    link_receiver_pid int,
    stream bool,
    receiver_pid int,
    receiver_started timestamptz,
    sender_pid int,
    sender_started timestamptz,
    received_lsn pg_lsn,
    confirmed_lsn pg_lsn,
    slot_active bool,
    slot_lag int8,
    messages_in int8,
    messages_out int8
  )
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_peers';
REVOKE ALL ON FUNCTION mtm.shell_peers FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_peers IS
  'what the processes of this node know of each peer (internal)';

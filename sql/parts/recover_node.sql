CREATE FUNCTION mtm.recover_node(node_id int) RETURNS int
  LANGUAGE sql STRICT SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT (mtm.api('recover_node', jsonb_build_object('id', node_id)) ->> 0)::int;
$$;
REVOKE ALL ON FUNCTION mtm.recover_node FROM PUBLIC;
COMMENT ON FUNCTION mtm.recover_node IS
  'put a node that was dropped into the list again, as a new node with the same connection '
  'string, and give its number: the nodes keep their WAL for it, so that it can be rebuilt '
  'from a base backup and mtm.join_node(). Its old number is not given again. Errors: 22023 no '
  'such node; 55000 it was not dropped; 53400, F0000 as with mtm.add_node(). For superusers, unless granted';

CREATE FUNCTION mtm.shell_conn_string(node_id int) RETURNS text
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_conn_string';
REVOKE ALL ON FUNCTION mtm.shell_conn_string FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_conn_string IS
  'how this server reaches the node; it may hold a password. Null: there is no such node (internal)';

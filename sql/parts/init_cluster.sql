CREATE FUNCTION mtm.shell_form_cluster(arguments jsonb) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_form_cluster';
REVOKE ALL ON FUNCTION mtm.shell_form_cluster FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_form_cluster IS
  'check the servers, make them a cluster, or take that back (internal)';

CREATE FUNCTION mtm.init_cluster(my_conninfo text, peers_conninfo text[], setup text DEFAULT '')
  RETURNS void
  LANGUAGE sql
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT mtm.shell_form_cluster(jsonb_build_object('my_conninfo', my_conninfo,
    'peers', peers_conninfo, 'setup', setup));
$$;
REVOKE ALL ON FUNCTION mtm.init_cluster FROM PUBLIC;
COMMENT ON FUNCTION mtm.init_cluster IS
  'make a cluster of this server, node 1, and others, which run with multimaster in '
  'shared_preload_libraries and no multimaster.conn_strings. This database is copied to those '
  'whose database is empty; the others must have the same contents. The servers then take no '
  'writes in it until they are restarted. my_conninfo, peers_conninfo: how the nodes reach each '
  'other, as in multimaster.conn_strings, in the order of their numbers; setup: words that '
  'replace theirs for this call, such as a superuser. Errors: 22023 wrong arguments; 55000 '
  'what is wrong with the servers, and nothing was changed; 38000 the copy failed. '
  'For superusers';

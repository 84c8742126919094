// The command line: commands, arguments and options, as commander describes them.
import { Command, Option } from 'commander';
import { container_prepare } from './container_prepare.ts';
import { default_dir } from './cluster_record.ts';
import { down } from './down.ts';
import { join } from './join.ts';
import { kill } from './kill.ts';
import { LocalCluster } from './local_cluster.ts';
import { logs } from './logs.ts';
import { cut, delay, heal, partition } from './network.ts';
import {
  parse_db,
  parse_delay,
  parse_group,
  parse_node_count,
  parse_node_id,
  parse_port,
  parse_setting,
} from './options.ts';
import { pause, resume } from './pause.ts';
import { progress_for } from './progress.ts';
import { psql } from './psql.ts';
import { RELAY_COMMAND, run_relay } from './relay_process.ts';
import { server_user } from './server_user.ts';
import { start } from './start.ts';
import { status } from './status.ts';
import { stop } from './stop.ts';
import { up } from './up.ts';

/** Ends with the exit code of the program that a command ran. */
export type SetExitCode = (code: number) => void;

export function build_program(set_exit_code: SetExitCode): Command {
  const program = new Command('multimaster')
    .description('Local clusters of multimaster nodes on PostgreSQL')
    .enablePositionalOptions()
    .showHelpAfterError('(run "multimaster help" for the commands)');
  add_cluster_commands(program);
  add_node_commands(program, set_exit_code);
  add_network_commands(program);
  program
    .command('container-prepare', { hidden: true })
    .action(() => container_prepare(process.env));
  program
    .command(RELAY_COMMAND, { hidden: true })
    .requiredOption('--dir <dir>')
    .action((options) => run_relay(options.dir));
  return program;
}

function dir_option(): Option {
  return new Option('--dir <dir>', "the cluster's folder (default: see README)");
}

function dir_of(options: { dir?: string }): string {
  return options.dir ?? default_dir(server_user());
}

function add_cluster_commands(program: Command): void {
  const progress = progress_for(process.stderr);
  program
    .command('up')
    .description('make a cluster, or start what does not run of one')
    .option('--nodes <count>', 'number of nodes (default: 3)', parse_node_count)
    .addOption(dir_option())
    .option('--port <port>', 'port of node 1; node i is at port+i-1 (5501)', parse_port)
    .option('--db <name>', 'the replicated database (default: app)', parse_db)
    .option('--proxy', 'link the nodes through relays, for cut, partition and delay')
    .option('--set <name=value>', 'a setting of every server; repeatable', parse_setting)
    .action(async (options) => {
      const cluster = await up({ ...options, dir: dir_of(options) }, progress);
      const dir = options.dir === undefined ? '' : ` --dir ${cluster.dir}`;
      console.log(`ready: connect with "multimaster psql${dir} 1"`);
    });
  program
    .command('down')
    .description('stop all nodes')
    .addOption(dir_option())
    .option('--purge', "remove the cluster's folder, too")
    .action((options) => down({ ...options, dir: dir_of(options) }, progress));
  program
    .command('join')
    .description('add a node to a cluster that is at work: a copy of an online node')
    .option('--from <conninfo>', "an online node's connection string, of a superuser (default: a node in the folder)")
    .addOption(dir_option())
    .option('--port <port>', 'port of the new node (default: the next one in the folder)', parse_port)
    .option('--host <host>', 'where the other nodes reach it (127.0.0.1)')
    .action(async (options) => {
      const cluster = await join({ ...options, dir: dir_of(options) }, progress);
      console.log(`ready: node ${cluster.nodes.at(-1)} is online`);
    });
  program
    .command('status')
    .description('what every node says of itself')
    .addOption(dir_option())
    .option('--json', 'everything, for scripts')
    .action(async (options) => {
      console.log(await status(dir_of(options), options.json === true));
    });
}

function add_node_commands(program: Command, set_exit_code: SetExitCode): void {
  const progress = progress_for(process.stderr);
  const node_command = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .argument('<node>', 'number of the node', parse_node_id)
      .addOption(dir_option());
  node_command('psql', 'psql on a node; further arguments are psql’s')
    .argument('[args...]')
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (node, args, options) =>
      set_exit_code(await psql(dir_of(options), node, args)),
    );
  node_command('kill', 'SIGKILL for all processes of a node').action((node, options) =>
    kill(dir_of(options), node, progress),
  );
  node_command('stop', 'shut a node down').action((node, options) =>
    stop(dir_of(options), node, progress),
  );
  node_command('start', 'start a node').action((node, options) =>
    start(dir_of(options), node, progress),
  );
  node_command('pause', 'let all processes of a node stand still').action((node, options) =>
    pause(dir_of(options), node, progress),
  );
  node_command('resume', 'let a paused node go on').action((node, options) =>
    resume(dir_of(options), node, progress),
  );
  node_command('logs', "the end of a node's log")
    .option('-f, --follow', 'go on with what is written')
    .action(async (node, options) =>
      set_exit_code(await logs(node, { ...options, dir: dir_of(options) })),
    );
}

/** For clusters with --proxy. */
function add_network_commands(program: Command): void {
  const cluster_of = (options: { dir?: string }) => LocalCluster.open(dir_of(options));
  const between = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .argument('<node>', 'number of one node', parse_node_id)
      .argument('<other>', 'number of the other', parse_node_id)
      .addOption(dir_option());
  between('cut', 'let nothing pass between two nodes: connections stay open and hang')
    .option('--one-way', 'only what the first says to the second is lost')
    .option('--reset', 'break connections instead, old and new')
    .action((node, other, options) =>
      cut(cluster_of(options), node, other, { one_way: options.oneWay, reset: options.reset }),
    );
  between('delay', 'let every byte between two nodes be late, both ways')
    .argument('<time>', 'like 50ms or 2s; 0ms ends it', parse_delay)
    .action((node, other, delay_ms, options) =>
      delay(cluster_of(options), node, other, delay_ms),
    );
  program
    .command('partition')
    .description('cut every edge between groups of nodes, like "1,2 3"')
    .argument('<groups...>', 'nodes, separated by commas', parse_group)
    .addOption(dir_option())
    .option('--reset', 'break connections instead, old and new')
    .action((groups, options) => partition(cluster_of(options), groups, options));
  program
    .command('heal')
    .description('undo cut, partition and delay; connections that lost bytes are reset')
    .addOption(dir_option())
    .action((options) => heal(cluster_of(options)));
}
